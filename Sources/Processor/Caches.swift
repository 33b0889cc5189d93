/// The caches that a level's guests see, whatever the host has: systems and libraries size their loops by them.
///
/// 32 KiB of eight ways each for data and instructions, 512 KiB of eight ways at the second level, 16 MiB of sixteen shared by all; lines of 64 bytes.
enum Caches {
    static let ofIntel: [CPUID.Leaf] = [
        CPUID.Leaf(function: 2, eax: 0xFF01),  // see leaf 4
        CPUID.Leaf(function: 4, index: 0, eax: 0x121, ebx: 7 << 22 | 63, ecx: 63),
        CPUID.Leaf(function: 4, index: 1, eax: 0x122, ebx: 7 << 22 | 63, ecx: 63),
        CPUID.Leaf(function: 4, index: 2, eax: 0x143, ebx: 7 << 22 | 63, ecx: 1023),
        CPUID.Leaf(function: 4, index: 3, eax: 0x163, ebx: 15 << 22 | 63, ecx: 16383),
        CPUID.Leaf(function: 0x8000_0006, ecx: 512 << 16 | 6 << 12 | 1 << 8 | 64),
    ]

    static let ofAMD: [CPUID.Leaf] = [
        CPUID.Leaf(function: 0x8000_0005, eax: 0xFF40_FF40, ebx: 0xFF40_FF40, ecx: 0x2008_0140, edx: 0x2008_0140),
        CPUID.Leaf(function: 0x8000_0006, ebx: 0x4200_4200, ecx: 512 << 16 | 6 << 12 | 1 << 8 | 64, edx: 32 << 18 | 8 << 12 | 1 << 8 | 64),
    ]
}
