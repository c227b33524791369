print("bpf-build")
