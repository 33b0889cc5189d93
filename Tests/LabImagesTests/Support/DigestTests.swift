import LabImages
import Testing

@Suite struct DigestTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 gives the digests of its standard`(text: String, digest: String) {
        #expect(SHA256.digest(of: Array(text.utf8)).description == digest)
    }

    @Test func `pieces and the whole have one digest`() {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var hash = SHA256()
        for start in stride(from: 0, to: bytes.count, by: 333) { hash.update(Array(bytes[start..<min(start + 333, bytes.count)])) }
        #expect(hash.finish() == SHA256.digest(of: bytes))
    }

    @Test func `a digest is 64 hexadecimal digits and nothing else`() {
        let digest = SHA256.digest(of: [])
        #expect(Digest(hex: digest.description) == digest)
        #expect(Digest(hex: digest.description.uppercased()) == digest)
        for wrong in ["", "00", digest.description + "0", String(digest.description.dropLast()) + "g", "sha256:" + digest.description] {
            #expect(Digest(hex: wrong) == nil, "\(wrong)")
        }
    }

    @Test func `no two lists of parts have one key`() {
        func key(_ parts: [(String, String)]) -> String {
            var hash = KeyHash(kind: "test")
            for (name, value) in parts { hash.add(name, value) }
            return hash.finish()
        }
        let lists = [[("a", "bc")], [("ab", "c")], [("a", "b"), ("c", "")], [("a", "b")], [], [("a", ""), ("b", "c")]]
        #expect(Set(lists.map(key)).count == lists.count)
        #expect(key(lists[0]) == key(lists[0]))
        #expect(key([]).utf8.count == 32)
    }
}
