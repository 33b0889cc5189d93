/// Files laid over a machine's root disk before its first start, in order; a later one replaces an earlier one.
///
/// All of them belong to root. What it depends on in the image is asked when it is laid down, so that one layer serves images of any kind.
package struct Layer: Hashable, Sendable, Codable {
    package var entries: [Entry]

    package init(_ entries: [Entry] = []) { self.entries = entries }

    package struct Entry: Hashable, Sendable, Codable {
        package var file: ImageRecipe.File
        /// All must hold, else the file is left out.
        package var conditions: [Condition]

        package init(_ file: ImageRecipe.File, where conditions: [Condition] = []) {
            self.file = file
            self.conditions = conditions
        }
    }

    /// What the image must hold at an absolute path, before this layer.
    package enum Condition: Hashable, Sendable, Codable {
        /// A folder, or a symbolic link that leads to one.
        case folder(String)
        /// Anything at all.
        case something(String)
        /// Nothing at all, not even a symbolic link that leads nowhere.
        case nothing(String)
        /// No symbolic link: nothing, or anything else.
        case noLink(String)
        /// One of these.
        indirect case any([Condition])
    }
}
