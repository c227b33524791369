// The lives of processes, from fork to last exit, as a tree and as a page.
