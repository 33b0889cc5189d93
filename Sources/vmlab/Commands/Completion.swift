import ArgumentParser
import LabModel

struct Completion: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the completion script of a shell.",
        discussion: """
            Example:
              vmlab completion bash > /etc/bash_completion.d/vmlab
              vmlab completion zsh > ~/.zfunc/_vmlab
            """)

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let script =
            switch shell {
            case .bash: VMLab.completionScript(for: .bash)
            case .zsh: VMLab.completionScript(for: .zsh)
            case .fish: VMLab.completionScript(for: .fish)
            }
        io.print(script)
        return .done
    }
}
