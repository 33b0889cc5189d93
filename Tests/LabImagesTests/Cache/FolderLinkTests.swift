import Host
import LabImages
import Testing

@Suite struct `folders that are removed` {
    @Test func `a link goes, and what it points at stays`() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir elsewhere; touch elsewhere/precious; ln -s elsewhere link")
        try Folder.remove(scratch.file("link"))
        #expect(try scratch.shell("ls -A . elsewhere") == ".:\nelsewhere\n\nelsewhere:\nprecious\n")
        try Folder.remove(scratch.file("never-there"))
    }
}
