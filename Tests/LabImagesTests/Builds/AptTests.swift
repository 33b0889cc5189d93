import LabImages
import Testing

@Suite struct AptTests {
    private let host = """
        Packages|Debian|bookworm|bookworm|main|http://mirror.test/debian/|$(SIGNED_BY)
        Translations|Debian|bookworm|bookworm|main|http://mirror.test/debian/|$(SIGNED_BY)
        Packages|Debian|bookworm|bookworm|contrib|http://mirror.test/debian/|$(SIGNED_BY)
        Packages|Debian|bookworm-updates|bookworm-updates|main|http://mirror.test/debian/|/usr/share/keyrings/k.gpg
        Packages|Debian Backports|bookworm-backports|bookworm-backports|main|http://mirror.test/debian/|$(SIGNED_BY)
        Packages|Debian|bookworm-security|bookworm-security|main|http://security.test/|$(SIGNED_BY)
        Packages|Somebody|bookworm|bookworm|main|http://elsewhere.test/|$(SIGNED_BY)
        """

    @Test func `an image comes from where the host gets its own packages`() {
        #expect(
            AptSources(indexTargets: host, suite: "bookworm", hostCodename: "bookworm").lines == [
                "deb http://mirror.test/debian/ bookworm main",
                "deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.test/debian/ bookworm-updates main",
                "deb http://security.test/ bookworm-security main",
            ])
    }

    @Test func `another suite comes from the same archives`() {
        #expect(
            AptSources(indexTargets: host, suite: "trixie", hostCodename: "bookworm").lines == [
                "deb http://mirror.test/debian/ trixie main",
                "deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.test/debian/ trixie-updates main",
                "deb http://security.test/ trixie-security main",
            ])
    }

    @Test func `a suite that changes every day is one archive, and may be old`() {
        #expect(
            AptSources(indexTargets: host, suite: "sid", hostCodename: "bookworm").lines == [
                "deb [check-valid-until=no] http://mirror.test/debian/ sid main"
            ])
        let signed = host.split(separator: "\n")[3].replacing("bookworm-updates", with: "bookworm")
        #expect(
            AptSources(indexTargets: String(signed), suite: "unstable", hostCodename: "bookworm").lines == [
                "deb [signed-by=/usr/share/keyrings/k.gpg check-valid-until=no] http://mirror.test/debian/ unstable main"
            ])
    }

    @Test func `before the first update nobody's origin is known`() {
        let fresh = "Packages|$(ORIGIN)|bookworm|$(CODENAME)|main|http://mirror.test/debian/|$(SIGNED_BY)"
        #expect(
            AptSources(indexTargets: fresh, suite: "bookworm", hostCodename: nil).lines == ["deb http://mirror.test/debian/ bookworm main"])
        #expect(AptSources(indexTargets: "", suite: "bookworm", hostCodename: "bookworm").lines.isEmpty)
    }

    @Test func `a meta package stands for the one it depends on`() {
        #expect(PrivateApt.onlyDependency(control: "Package: m\nDepends: linux-image-6.1 (= 6.1.1-1)\nSize: 1") == "linux-image-6.1")
        #expect(PrivateApt.onlyDependency(control: "Depends: a | b") == "a")
        #expect(PrivateApt.onlyDependency(control: "Depends: python3:any") == "python3")
        #expect(PrivateApt.onlyDependency(control: "Depends: a, b") == nil)
        #expect(PrivateApt.onlyDependency(control: "Package: m") == nil)
    }

    @Test func `no word is a word to a shell once it is quoted`() throws {
        let scratch = try Scratch()
        for word in ["a b", "it's", "$(touch x)", "", "\\", "'", "''"] {
            #expect(try scratch.shell("printf %s \(ShellWord.quoted(word))") == word)
        }
    }
}
