package import LabModel

/// Reads a lab: text, tree, overrides, variables, draft, lab; at each stage all that is wrong is collected.
package struct LabReader: Sendable {
    package var catalogue: ImageCatalogue
    /// Where the lab's relative paths begin: absolute.
    package var folder: String
    /// What `${NAME}` stands for.
    package var environment: [String: String]
    /// The arguments of `--set`, in order.
    package var overrides: [String]
    /// How much memory the machines may have together; `nil` where the host is not this one.
    package var hostMemory: ByteCount?

    package init(
        catalogue: ImageCatalogue, folder: String, environment: [String: String] = [:], overrides: [String] = [],
        hostMemory: ByteCount? = nil
    ) {
        self.catalogue = catalogue
        self.folder = folder
        self.environment = environment
        self.overrides = overrides
        self.hostMemory = hostMemory
    }

    /// What is wrong with a name for a lab, as `--name` gives one; `nil` if nothing is.
    package static func fault(ofLabName name: String) -> String? { NameRule.lab.fault(of: name) }

    /// - Parameters:
    ///   - name: how diagnostics name the file, as the person who started the program would.
    ///   - bytes: all of the file, or at least its first `Limits.file + 1` bytes.
    package func read(_ bytes: [UInt8], name: String) throws(Diagnostics) -> Lab {
        var findings = Findings()
        let source = findings.add(Source(name: name, bytes: bytes.count > Limits.file ? Array(bytes.prefix(Limits.file + 1)) : bytes))
        let lab = read(source: source, &findings)
        guard let lab, findings.isEmpty else { throw findings.diagnostics }
        return lab
    }

    private func read(source: Int, _ findings: inout Findings) -> Lab? {
        guard let tree = TreeBuilder.read(source: source, in: &findings) else { return nil }
        let substituted = Substitution(environment: environment).applied(to: tree, &findings)
        let root = Override.apply(overrides, to: substituted, &findings)
        let place = Place(name: "the lab file", mark: Mark(source: source, line: 1, column: 1))
        guard let draft = Table<LabDraft>.lab.read(root, place, into: LabDraft(), &findings) else { return nil }
        return LabResolver(hostMemory: hostMemory, catalogue: catalogue, folder: folder).resolve(draft, &findings)
    }
}
