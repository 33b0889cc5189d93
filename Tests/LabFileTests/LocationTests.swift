import LabFile
import Testing

@Suite struct `where the lab file is` {
    func find(_ argument: String?, _ names: String...) -> Result<LabLocation, LabLocationError> {
        let files = FilesInMemory(Dictionary(names.map { ($0, "") }) { first, _ in first })
        do throws(LabLocationError) { return .success(try LabLocation.find(argument, files: files)) } catch { return .failure(error) }
    }

    @Test func `it is lab_yaml, or the one whose name ends so`() {
        #expect(find(nil, "lab.yaml", "a.lab.yaml", "b.lab.yaml") == .success(.file("lab.yaml")))
        #expect(find(nil, "shop.lab.yaml", "README", ".hidden.lab.yaml") == .success(.file("shop.lab.yaml")))
        #expect(find(nil, "b.lab.yaml", "a.lab.yaml") == .failure(.several(".", ["a.lab.yaml", "b.lab.yaml"])))
        #expect(find(nil, "README") == .failure(.none(".")))
    }

    @Test func `an argument names a file, a folder, or standard input`() {
        #expect(find("-") == .success(.standardInput))
        #expect(find("x/y.yaml", "x/y.yaml") == .success(.file("x/y.yaml")))
        #expect(find("x", "x/lab.yaml") == .success(.file("x/lab.yaml")))
        #expect(find("x", "x/other") == .failure(.none("x")))
        #expect(find("x") == .failure(.missing("x")))
    }

    @Test func `an error says what to do next`() {
        #expect(
            LabLocationError.none(".").description
                == "there is no lab.yaml and no *.lab.yaml in this folder; name a file or a folder with -f")
        #expect(LabLocationError.several("x", ["a", "b"]).description == "there are several lab files in x; name one with -f: a, b")
    }
}
