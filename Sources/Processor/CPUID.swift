/// Answers of the CPUID instruction, as tables that the kernel gives and takes.
package enum CPUID {
    /// One answer: EAX (and ECX where `index` is not nil) in, four registers out.
    package struct Leaf: Hashable, Sendable {
        package var function: UInt32
        /// The sub-leaf, or nil for leaves that do not look at ECX.
        package var index: UInt32?
        package var eax: UInt32
        package var ebx: UInt32
        package var ecx: UInt32
        package var edx: UInt32

        package init(function: UInt32, index: UInt32? = nil, eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0) {
            self.function = function
            self.index = index
            (self.eax, self.ebx, self.ecx, self.edx) = (eax, ebx, ecx, edx)
        }

        subscript(_ register: Register) -> UInt32 {
            get {
                switch register {
                case .eax: eax
                case .ebx: ebx
                case .ecx: ecx
                case .edx: edx
                }
            }
            set {
                switch register {
                case .eax: eax = newValue
                case .ebx: ebx = newValue
                case .ecx: ecx = newValue
                case .edx: edx = newValue
                }
            }
        }
    }

    enum Register: Hashable, Sendable, CaseIterable { case eax, ebx, ecx, edx }

    /// What the answers of one vCPU depend on beside the model.
    package struct Shape: Hashable, Sendable {
        package var cpus: Int
        /// This vCPU's index, which is its APIC id.
        package var cpu: Int
        /// 0 when the host does not know.
        package var tscKilohertz: UInt32

        package init(cpus: Int, cpu: Int, tscKilohertz: UInt32) {
            self.cpus = cpus
            self.cpu = cpu
            self.tscKilohertz = tscKilohertz
        }
    }

    /// The width of a guest-physical address (leaf 0x80000008); 36 where the host does not say.
    package static func addressBits(_ leaves: [Leaf]) -> UInt32 {
        leaves.first { $0.function == 0x8000_0008 }.map { $0.eax & 0xFF } ?? 36
    }

    static let hypervisor: UInt32 = 0x4000_0000
    static let timing: UInt32 = 0x4000_0010
}

extension [CPUID.Leaf] {
    /// "AuthenticAMD" or "HygonGenuine": the makers that describe caches and cores in the extended leaves.
    var areOfAMD: Bool { contains { $0.function == 0 && ($0.ebx == 0x6874_7541 || $0.ebx == 0x6F67_7948) } }

    /// The name that the maker gives itself, 12 letters.
    var maker: String {
        guard let leaf = first(where: { $0.function == 0 }) else { return "" }
        return Self.text([leaf.ebx, leaf.edx, leaf.ecx])
    }

    /// The model's name, in three leaves of 16 bytes.
    var brand: String {
        Self.text(filter { (0x8000_0002...0x8000_0004).contains($0.function) }.flatMap { [$0.eax, $0.ebx, $0.ecx, $0.edx] })
    }

    /// Puts a name there, at most 47 bytes of it.
    mutating func setBrand(_ name: String) {
        var words = [UInt32](repeating: 0, count: 12)
        for (place, byte) in name.utf8.prefix(47).enumerated() { words[place / 4] |= UInt32(byte) << UInt32(place % 4 * 8) }
        removeAll { (0x8000_0002...0x8000_0004).contains($0.function) }
        for part in 0..<3 {
            let leaf = CPUID.Leaf(
                function: 0x8000_0002 + UInt32(part), eax: words[part * 4], ebx: words[part * 4 + 1], ecx: words[part * 4 + 2],
                edx: words[part * 4 + 3])
            append(leaf)
        }
    }

    /// In the order of their numbers: the same host and the same machine give the same table.
    var inOrder: [CPUID.Leaf] { sorted { ($0.function, $0.index ?? 0) < ($1.function, $1.index ?? 0) } }

    private static func text(_ words: [UInt32]) -> String {
        var bytes: [UInt8] = []
        for word in words { for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) } }
        // A host's name is shown to people: printable ASCII or nothing.
        let printable = bytes.prefix { $0 != 0 }.filter { (0x20...0x7E).contains($0) }
        return String(decoding: printable, as: UTF8.self).split(separator: " ").joined(separator: " ")
    }
}

func clear(_ register: inout UInt32, _ bits: Int...) {
    for bit in bits { register &= ~(1 << UInt32(bit)) }
}
