import CSequencerAtomics

/// Tells the CPU that this is a spin loop.
@inline(__always) func spinHint() { seq_spin_hint() }
