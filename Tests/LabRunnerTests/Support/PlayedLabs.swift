import Testing

/// Labs whose machines are played by `FakeMachine`. One after another: each starts a dozen processes, and none is to wait for
/// those of the others.
@Suite(.serialized) struct `played labs` {}
