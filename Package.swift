// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of ours is held to: Swift 6, strict memory safety, no warning.
let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// The fuzzer's build (`scripts/fuzz.sh`) in place of the tests': libFuzzer's coverage and AddressSanitizer
/// in what is fuzzed.
let isFuzzing = Context.environment["ORDINAL_FUZZ"] != nil
let fuzzed = house + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address"])] : [])

/// What the fuzz targets take their bytes to.
let fuzzTargets: [Target.Dependency] = [
  "SequencerABI", "SequencerCore", "Sequencer", "KernelEvents", "EventFormats", "Causality",
  "BPFLoader", "Capture", "JSONSchemaValidation", "ordinal", "Recording", "TestSupport",
  .product(name: "ArgumentParser", package: "swift-argument-parser"),
]

let package = Package(
  name: "ordinal",
  products: [
    .executable(name: "ordinal", targets: ["ordinal"]),
    .executable(name: "bpf-build", targets: ["bpf-build"]),
    .executable(name: "name-tables", targets: ["name-tables"]),
    .executable(name: "waking-benchmark", targets: ["WakingBenchmark"]),
    .library(name: "Sequencer", targets: ["Sequencer"]),
    .library(name: "KernelEvents", targets: ["KernelEvents"]),
    .plugin(name: "BPFBuildPlugin", targets: ["BPFBuildPlugin"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    // Reads in tests what the export to Perfetto writes; nothing that is installed links it.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    // The ABI and the protocol: compiled for the host here, for BPF by the pipeline.
    .target(name: "CSequencerAtomics"),
    .target(name: "BPFCKit", path: "BPF/CKit"),
    .target(name: "SequencerABI", swiftSettings: fuzzed),
    .target(
      name: "SequencerCore", dependencies: ["SequencerABI", "CSequencerAtomics"],
      swiftSettings: fuzzed),

    // The kernel half as a product of the build: objects made from BPF/ and embedded.
    .target(name: "BPFPipeline", path: "Tools/BPFPipeline", swiftSettings: house),
    .executableTarget(
      name: "bpf-build",
      dependencies: [
        "BPFPipeline", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tools/bpf-build", swiftSettings: house),
    // Writes the names of the kernel's numbers (docs/names.md); run by hand.
    .executableTarget(
      name: "name-tables",
      dependencies: [
        "BPFPipeline", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tools/NameTables", swiftSettings: house),
    .plugin(
      name: "BPFBuildPlugin", capability: .buildTool(), dependencies: ["bpf-build"],
      path: "Plugins/BPFBuildPlugin"),
    // Its root is BPF/, so that SwiftPM plans anew when a file appears there.
    .target(
      name: "KernelObjects", path: "BPF",
      exclude: [
        "LICENSE", "Attack", "Counter", "Evaluation", "Kit", "CKit", "Programs", "Golden",
        "Maps.bpf.c",
        "bpf-build.json",
      ],
      sources: ["Embedding"], swiftSettings: house, plugins: ["BPFBuildPlugin"]),

    // Loading, reading, understanding.
    .systemLibrary(name: "CLibBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
    .target(name: "COrdinalSystem"),
    .target(name: "CBPFLog", dependencies: ["CLibBPF"]),
    .target(name: "BPFLoader", dependencies: ["CLibBPF", "CBPFLog"], swiftSettings: fuzzed),
    .target(
      name: "Doctor", dependencies: ["BPFLoader", "Capture", "KernelEvents", "SequencerABI"],
      swiftSettings: house),
    .target(
      name: "Sequencer",
      dependencies: ["SequencerABI", "SequencerCore", "CSequencerAtomics", "COrdinalSystem"],
      swiftSettings: fuzzed),
    .target(
      name: "KernelEvents", dependencies: ["SequencerABI", "Sequencer"], swiftSettings: fuzzed),
    .target(
      name: "EventFormats", dependencies: ["KernelEvents", "SequencerABI"], swiftSettings: fuzzed),
    // Recordings and what is made of them.
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .target(
      name: "Recording",
      dependencies: [
        "SequencerABI", "SequencerCore", "Sequencer", "KernelEvents", "EventFormats", "CZstd",
        "COrdinalSystem",
      ],
      swiftSettings: fuzzed),
    .target(
      name: "EventExports",
      dependencies: ["KernelEvents", "EventFormats", "SequencerABI", "CSQLite"],
      swiftSettings: fuzzed),
    .target(
      name: "ProcessLives", dependencies: ["KernelEvents", "EventFormats", "SequencerABI"],
      swiftSettings: fuzzed),
    // The page of a recording: its style and its script are embedded as they are.
    .target(
      name: "LivesReport",
      dependencies: ["ProcessLives", "Markup", "KernelEvents", "EventFormats", "SequencerABI"],
      resources: [
        .embedInCode("Page/page.css"), .embedInCode("Page/lives.js"),
        .embedInCode("Page/charts.js"), .embedInCode("Page/page.js"),
      ],
      swiftSettings: fuzzed),
    .target(name: "Markup", swiftSettings: house),
    .target(
      name: "Causality", dependencies: ["KernelEvents", "SequencerABI"], swiftSettings: fuzzed),
    .target(
      name: "Capture",
      dependencies: [
        "SequencerABI", "SequencerCore", "CSequencerAtomics", "BPFLoader", "Sequencer",
        "KernelEvents", "KernelObjects", "BPFCKit", "COrdinalSystem",
      ],
      swiftSettings: fuzzed),
    // The evaluation: other transports for the same events, and what is measured with them.
    .target(name: "EvaluationCKit", path: "BPF/Evaluation/CKit"),
    .target(
      name: "EvaluationObjects", path: "BPF/Evaluation",
      exclude: ["CKit", "Programs", "Maps.bpf.c", "bpf-build.json"], sources: ["Embedding"],
      swiftSettings: house, plugins: ["BPFBuildPlugin"]),
    .target(
      name: "CEvaluation", linkerSettings: [.linkedLibrary("pthread")]),
    .target(
      name: "EvaluationTransports",
      dependencies: [
        "EvaluationCKit", "EvaluationObjects", "CEvaluation", "CLibBPF", "COrdinalSystem",
        "BPFLoader",
        "Capture",
        "CSequencerAtomics", "Sequencer", "SequencerABI",
      ],
      swiftSettings: house),

    .target(name: "EvaluationReport", dependencies: ["Markup"], swiftSettings: house),
    .target(
      name: "Evaluation",
      dependencies: [
        "EvaluationTransports", "CEvaluation", "CSequencerAtomics", "Sequencer", "SequencerABI",
        "BPFLoader", "Capture", "Recording",
        "EvaluationCKit", "EvaluationReport",
      ],
      swiftSettings: house),

    .executableTarget(
      name: "ordinal",
      dependencies: [
        "Capture", "Causality", "Doctor", "EventFormats", "KernelEvents", "BPFLoader", "Sequencer",
        "COrdinalSystem", "Recording", "EventExports", "ProcessLives", "LivesReport", "Evaluation",
        "EvaluationReport", "EvaluationTransports",
        "SequencerABI", "SequencerCore",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: house),

    // Measurements; not installed.
    .target(
      name: "BenchmarkSupport", path: "Benchmarks/BenchmarkSupport", swiftSettings: house),
    .target(name: "CAllocationCounter", path: "Benchmarks/CAllocationCounter"),
    .executableTarget(
      name: "ring-benchmark",
      dependencies: [
        "SequencerABI", "SequencerCore", "Sequencer", "KernelEvents", "EventFormats", "Causality",
        "BenchmarkSupport", "CAllocationCounter",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/RingBenchmark", swiftSettings: house),
    .target(
      name: "CWakingWorkload", path: "Benchmarks/CWakingWorkload",
      linkerSettings: [.linkedLibrary("pthread"), .linkedLibrary("m")]),
    .executableTarget(
      name: "WakingBenchmark",
      dependencies: [
        "SequencerABI", "Sequencer", "Capture", "BenchmarkSupport", "CWakingWorkload", "PulseCKit",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/WakingBenchmark", exclude: ["Kernel", "bpf-build.json"],
      swiftSettings: house, plugins: ["BPFBuildPlugin"]),
    .target(name: "PulseCKit", path: "Benchmarks/WakingBenchmark/Kernel/CKit"),

    // The ring in this process's memory, hammered by threads; a program of its own, so that it can
    // be built with the optimiser and with ThreadSanitizer.
    .target(
      name: "RingStress",
      dependencies: [
        "SequencerABI", "SequencerCore", "CSequencerAtomics", "Sequencer", "CTestSupport",
      ],
      path: "Tests/RingStress", swiftSettings: house),
    .executableTarget(
      name: "ring-stress", dependencies: ["RingStress"], path: "Tests/ring-stress",
      swiftSettings: house),

    // Tests. Those that need root carry the tag `kernel`.
    .testTarget(
      name: "SequencerTests",
      dependencies: [
        "SequencerABI", "SequencerCore", "CSequencerAtomics", "Sequencer", "BPFCKit", "RingStress",
      ],
      swiftSettings: house),
    .testTarget(
      name: "CaptureTests", dependencies: ["Capture", "BPFCKit", "BPFLoader", "SequencerABI"],
      swiftSettings: house),
    .testTarget(
      name: "BPFPipelineTests", dependencies: ["BPFPipeline", "KernelObjects"],
      exclude: ["bpf-build.json"], swiftSettings: house, plugins: ["BPFBuildPlugin"]),
    .testTarget(name: "BPFLoaderTests", dependencies: ["BPFLoader"], swiftSettings: house),
    .testTarget(
      name: "DoctorTests", dependencies: ["Doctor", "BPFLoader", "SequencerABI"],
      swiftSettings: house),
    .target(
      name: "JSONSchemaValidation", path: "Tests/JSONSchemaValidation", swiftSettings: house),
    .testTarget(
      name: "EventTests",
      dependencies: [
        "KernelEvents", "EventFormats", "Causality", "JSONSchemaValidation", "RingStress",
        "CTestSupport", "TestSupport",
      ],
      exclude: ["layouts.txt"], swiftSettings: house),

    .testTarget(
      name: "LivesTests",
      dependencies: [
        "ProcessLives", "LivesReport", "Markup", "Recording", "KernelEvents", "EventFormats",
        "Sequencer", "SequencerABI", "SequencerCore", "JSONSchemaValidation", "TestSupport",
      ],
      swiftSettings: house),

    .testTarget(
      name: "RecordingTests",
      dependencies: [
        "Recording", "COrdinalSystem", "EventFormats", "KernelEvents", "Sequencer", "SequencerABI",
        "SequencerCore", "TestSupport",
      ],
      swiftSettings: house),

    // What fuzzing (`scripts/fuzz.sh`) found, and a generator's inputs, by the same targets.
    .testTarget(
      name: "FuzzTests", dependencies: fuzzTargets + ["RingStress"], path: "Fuzz",
      exclude: ["CFuzzing", "Corpus", "Driver", "Findings"], sources: ["Targets", "Tests"],
      swiftSettings: house),

    // An attack on the ring of a running capture, by programs of its own, and the judge of what a
    // consumer then reads. Nothing that is installed links it.
    .target(name: "AttackCKit", path: "BPF/Attack/CKit"),
    .target(
      name: "AttackObjects", path: "BPF/Attack",
      exclude: ["CKit", "Programs", "Maps.bpf.c", "bpf-build.json"], sources: ["Embedding"],
      swiftSettings: house, plugins: ["BPFBuildPlugin"]),
    .target(
      name: "RingAttack",
      dependencies: [
        "AttackCKit", "AttackObjects", "BPFCKit", "BPFLoader", "Capture", "KernelEvents",
        "Sequencer", "SequencerABI", "TestSupport",
      ],
      path: "Tests/RingAttack", swiftSettings: house),
    .executableTarget(
      name: "ring-attack",
      dependencies: [
        "RingAttack", "AttackCKit", "BPFLoader", "COrdinalSystem", "Capture", "Sequencer",
        "SequencerABI",
      ],
      path: "Tests/RingAttackTool", swiftSettings: house),

    // The live kernel, and a workload that knows what it did.
    .executableTarget(
      name: "workload", path: "Tests/Workload",
      sources: ["main.c", "log.c", "watch.c", "calls.c", "acts.c", "timeline.c", "turns.c"],
      linkerSettings: [.linkedLibrary("pthread")]),
    .target(
      name: "CTestSupport", path: "Tests/CTestSupport", linkerSettings: [.linkedLibrary("util")]),
    .target(
      name: "TestSupport",
      dependencies: ["CTestSupport", "KernelEvents", "Recording", "Sequencer", "SequencerABI"],
      path: "Tests/TestSupport",
      swiftSettings: house),
    .target(name: "RecursionCKit", path: "Tests/RecursionPrograms/CKit"),
    .target(
      name: "RecursionObjects", path: "Tests/RecursionPrograms",
      exclude: ["CKit", "Programs", "Maps.bpf.c", "bpf-build.json"], sources: ["Embedding"],
      swiftSettings: house, plugins: ["BPFBuildPlugin"]),
    .testTarget(
      name: "KernelTests",
      dependencies: [
        "TestSupport", "RingAttack", "AttackCKit", "AttackObjects", "JSONSchemaValidation",
        "BPFLoader", "Capture", "Causality", "KernelEvents", "Sequencer", "SequencerABI",
        "SequencerCore",
        "RecursionCKit", "RecursionObjects", "CEvaluation", "Evaluation", "EvaluationCKit",
        "EvaluationTransports",
      ],
      swiftSettings: house),

    // Runs the built benchmark, which counts what it allocates; not linked with it.
    .testTarget(
      name: "BenchmarkTests", dependencies: ["TestSupport", "ring-benchmark"],
      swiftSettings: house),

    .testTarget(
      name: "EvaluationTests",
      dependencies: [
        "Evaluation", "EvaluationReport", "EvaluationTransports", "JSONSchemaValidation",
      ],
      swiftSettings: house),

    .testTarget(
      name: "ExportTests",
      dependencies: [
        "EventExports", "EventFormats", "KernelEvents", "Sequencer", "SequencerABI", "CSQLite",
        "TestSupport",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: house),

    // Runs the built program; not linked with it.
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "JSONSchemaValidation", "KernelEvents", "Recording", "Sequencer", "SequencerABI",
        "SequencerCore", "TestSupport",
      ],
      swiftSettings: house),
  ]
)

if isFuzzing {
  package.targets.removeAll { $0.type == .test }
  // The command as a library, its entry point under another name: libFuzzer's driver is the program.
  let command = package.targets.first { $0.name == "ordinal" }!
  package.targets.removeAll { $0.name == "ordinal" || $0.name == "ring-benchmark" }
  package.products.removeAll { $0.name == "ordinal" }
  package.targets += [
    .target(
      name: "ordinal", dependencies: command.dependencies,
      swiftSettings: fuzzed + [
        .unsafeFlags([
          "-enable-testing", "-Xfrontend", "-entry-point-function-name", "-Xfrontend",
          "ordinal_main",
        ])
      ])
  ]
  package.targets += [
    .target(name: "CFuzzing", path: "Fuzz/CFuzzing"),
    .executableTarget(
      name: "ordinal-fuzz",
      dependencies: fuzzTargets + ["CFuzzing"], path: "Fuzz",
      exclude: ["CFuzzing", "Corpus", "Findings", "Tests"], sources: ["Targets", "Driver"],
      swiftSettings: fuzzed,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
  ]
}
