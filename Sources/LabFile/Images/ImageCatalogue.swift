package import LabModel

/// Where image recipes lie: `<name>/image.yaml` below each of its places, the first found counts.
package struct ImageCatalogue: Sendable {
    /// Folders that hold image folders, in the order in which they are searched.
    package var places: [String]
    let files: any Files

    package init(places: [String], files: any Files) {
        self.places = places
        self.files = files
    }

    /// The places for a lab: `Images` in its own folder and in each folder around it, then those handed in (`VMLAB_IMAGES`, the
    /// installed ones).
    ///
    /// - Parameter folder: absolute.
    package init(forLabIn folder: String, then others: [String], files: any Files) {
        self.init(places: Path.ancestors(of: folder).map { Path.joined($0, "Images") } + others, files: files)
    }

    /// What is wrong with an image's name, or nil.
    package static func fault(ofImageName name: String) -> String? { NameRule.image.fault(of: name) }

    /// The recipe of a name, for `vmlab image build`.
    package func recipe(named name: String) throws(Diagnostics) -> ImageRecipe {
        var findings = Findings()
        let argument = findings.add(Source(name: "image", bytes: Array(name.utf8)))
        var shelf = RecipeShelf(catalogue: self)
        let mark = Mark(source: argument, line: 1, column: 1)
        guard let recipe = shelf.recipe(named: name, usedAt: mark, &findings), findings.isEmpty else { throw findings.diagnostics }
        return recipe
    }

    /// Names of all images, sorted, each once.
    package var names: [String] {
        var names: Set<String> = []
        for place in places {
            guard let found = try? files.names(in: place) else { continue }
            for name in found where NameRule.image.fault(of: name) == nil {
                if (try? files.contents(of: recipePath(name, in: place), limit: 1)) != nil { names.insert(name) }
            }
        }
        return names.sorted()
    }

    func recipePath(_ name: String, in place: String) -> String { Path.joined(place, "\(name)/image.yaml") }

    /// The recipe's path and text from the first place that has one.
    func find(_ name: String) -> (path: String, contents: Result<[UInt8], FileTrouble>)? {
        for place in places {
            let path = recipePath(name, in: place)
            do throws(FileTrouble) {
                return (path, .success(try files.contents(of: path, limit: Limits.file + 1)))
            } catch {
                // A file where a folder is looked for holds no image either.
                if error != .missing, error != .otherKind { return (path, .failure(error)) }
            }
        }
        return nil
    }
}

/// The recipes that a lab uses, each read once.
struct RecipeShelf {
    let catalogue: ImageCatalogue
    /// In order of first use.
    private(set) var used: [ImageRecipe] = []
    /// Every name that was asked for, found or not.
    private var known: [String: ImageRecipe?] = [:]
    /// Where unknown images are named. The first says where it was looked for; the others would only repeat it.
    private var unknown: Set<Mark> = []
    /// Listed when the first unknown image asks for it.
    private var allNames: [String]?

    init(catalogue: ImageCatalogue) { self.catalogue = catalogue }

    mutating func recipe(named name: String, usedAt mark: Mark, _ findings: inout Findings) -> ImageRecipe? {
        if let recipe = known[name] { return recipe }
        if let fault = NameRule.image.fault(of: name) {
            findings.add(mark, fault)
            return nil
        }
        guard let (path, contents) = catalogue.find(name) else {
            reportUnknown(name, mark, &findings)
            return nil
        }
        known[name] = .some(nil)
        switch contents {
        case .failure(let trouble):
            findings.add(mark, "image \(quoted(name)): \(path) cannot be read: \(trouble.description)")
            return nil
        case .success(let bytes):
            let source = findings.add(Source(name: path, bytes: bytes))
            guard let recipe = ImageReader.read(source: source, folder: Path.folder(of: path), &findings) else { return nil }
            known[name] = recipe
            used.append(recipe)
            return recipe
        }
    }

    private mutating func reportUnknown(_ name: String, _ mark: Mark, _ findings: inout Findings) {
        unknown.insert(mark)
        let names = allNames ?? catalogue.names
        allNames = names
        var message = "there is no image \(quoted(name))"
        if let near = Suggestion.nearest(to: name, among: names) {
            message += "; did you mean \(quoted(near))?"
        } else if !names.isEmpty {
            message += "; there are \(names.prefix(8).joined(separator: ", "))\(names.count > 8 ? " and others" : "")"
        }
        if unknown.count == 1 { message += " (searched \(catalogue.places.joined(separator: ", ")))" }
        findings.add(mark, message)
    }
}
