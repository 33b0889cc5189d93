import LabFile
import Testing

@Suite struct `a did-you-mean` {
    func suggestion(for key: String) -> Bool {
        Reading.mistakes("name: a\nmachines: {db: {image: pulse}}\n\(key): 1\n").contains { $0.contains("did you mean") }
    }

    @Test(arguments: [
        "nmae", "name_", "nam", "Name", "naem", "mame", "machine", "mahcines", "macihnes", "MACHINES", "default", "sede", "sed",
    ])
    func `is made for up to two mistakes`(_ key: String) { #expect(suggestion(for: key)) }

    @Test(arguments: ["mac", "hosts", "x", "mnae_x", "mischance", "seaweed", "defaulting", "namename"])
    func `is not made for more, or for hardly a letter in common`(_ key: String) { #expect(!suggestion(for: key)) }
}
