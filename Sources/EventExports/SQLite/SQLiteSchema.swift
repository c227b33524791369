/// The tables, indexes and views of an exported database; docs/export.md tells what they hold.
enum SQLiteSchema {
  /// Counts up when a column or a table changes its meaning or goes.
  static let version = 1

  /// Made before the first row. Only what is looked up during the export has an index from the start.
  static let tables = """
    CREATE TABLE meta(
      key TEXT PRIMARY KEY,
      value
    ) WITHOUT ROWID;
    CREATE TABLE processes(
      id INTEGER PRIMARY KEY,
      pid INTEGER NOT NULL,
      start_ns INTEGER NOT NULL,
      parent_id INTEGER REFERENCES processes(id),
      ppid INTEGER,
      uid INTEGER,
      comm TEXT,
      exe TEXT,
      args TEXT,
      cwd TEXT,
      first_seq INTEGER,
      forked_seq INTEGER,
      exec_seq INTEGER,
      exit_seq INTEGER,
      exit_code INTEGER,
      exit_signal INTEGER,
      started TEXT,
      ended_ns INTEGER,
      ended TEXT,
      UNIQUE(pid, start_ns)
    );
    CREATE TABLE events(
      seq INTEGER PRIMARY KEY,
      ts INTEGER,
      time TEXT,
      cpu INTEGER NOT NULL,
      type TEXT NOT NULL,
      family TEXT NOT NULL,
      process_id INTEGER NOT NULL REFERENCES processes(id),
      target_id INTEGER REFERENCES processes(id),
      pid INTEGER NOT NULL,
      tid INTEGER NOT NULL,
      ppid INTEGER NOT NULL,
      uid INTEGER NOT NULL,
      comm TEXT NOT NULL,
      cgroup_id INTEGER NOT NULL,
      cgroup TEXT,
      details TEXT NOT NULL
    );
    CREATE TABLE forks(
      seq INTEGER PRIMARY KEY REFERENCES events(seq),
      process_id INTEGER NOT NULL REFERENCES processes(id),
      child_id INTEGER NOT NULL REFERENCES processes(id),
      child_tid INTEGER NOT NULL,
      thread INTEGER NOT NULL,
      clone_flags INTEGER NOT NULL
    );
    CREATE TABLE execs(
      seq INTEGER PRIMARY KEY REFERENCES events(seq),
      process_id INTEGER NOT NULL REFERENCES processes(id),
      exe TEXT NOT NULL,
      args TEXT NOT NULL,
      truncated INTEGER NOT NULL,
      cwd TEXT,
      uid INTEGER NOT NULL,
      gid INTEGER NOT NULL,
      euid INTEGER NOT NULL,
      egid INTEGER NOT NULL,
      inode INTEGER NOT NULL,
      device_major INTEGER NOT NULL,
      device_minor INTEGER NOT NULL
    );
    CREATE TABLE exits(
      seq INTEGER PRIMARY KEY REFERENCES events(seq),
      process_id INTEGER NOT NULL REFERENCES processes(id),
      tid INTEGER NOT NULL,
      code INTEGER,
      signal INTEGER,
      core INTEGER NOT NULL,
      last_thread INTEGER NOT NULL,
      runtime_ns INTEGER NOT NULL
    );
    CREATE TABLE gaps(
      id INTEGER PRIMARY KEY,
      cpu INTEGER,
      lost INTEGER NOT NULL,
      by_family TEXT NOT NULL,
      after_seq INTEGER,
      before_seq INTEGER
    );
    """

  /// Made after the last row: sorting once costs less than keeping a tree in order.
  static let indexes = [
    "CREATE INDEX events_process ON events(process_id)",
    "CREATE INDEX events_target ON events(target_id) WHERE target_id IS NOT NULL",
    "CREATE INDEX events_type ON events(type)",
    "CREATE INDEX events_ts ON events(ts)",
    "CREATE INDEX processes_parent ON processes(parent_id)",
    "CREATE INDEX processes_comm ON processes(comm)",
    "CREATE INDEX processes_exe ON processes(exe)",
    "CREATE INDEX forks_process ON forks(process_id)",
    "CREATE INDEX forks_child ON forks(child_id)",
    "CREATE INDEX execs_process ON execs(process_id)",
    "CREATE INDEX execs_exe ON execs(exe)",
    "CREATE INDEX exits_process ON exits(process_id)",
  ]

  /// A parent's id is below its children's, so no walk of these goes round in a circle.
  static let views = """
    CREATE VIEW process_tree AS
      -- The LIMIT keeps SQLite from leaving out the order, which makes this walk go depth first.
      WITH RECURSIVE tree(id, root_id, depth) AS (
        SELECT id, id, 0 FROM processes WHERE parent_id IS NULL
        UNION ALL
        SELECT child.id, tree.root_id, tree.depth + 1
          FROM tree JOIN processes AS child ON child.parent_id = tree.id
          ORDER BY 3 DESC, 1 LIMIT -1
      ), placed AS (SELECT row_number() OVER () AS place, * FROM tree)
      SELECT place, depth, root_id, processes.* FROM placed JOIN processes USING (id);
    CREATE VIEW ancestry AS
      WITH RECURSIVE up(process_id, ancestor_id, distance) AS (
        SELECT id, parent_id, 1 FROM processes WHERE parent_id IS NOT NULL
        UNION ALL
        SELECT up.process_id, parent.parent_id, up.distance + 1
          FROM up JOIN processes AS parent ON parent.id = up.ancestor_id
          WHERE parent.parent_id IS NOT NULL
      )
      SELECT process_id, ancestor_id, distance FROM up;
    """
}
