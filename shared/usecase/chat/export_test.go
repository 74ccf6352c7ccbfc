package chat

// ApplyOverrides is exported for a test that goes through every field of the configuration.
var ApplyOverrides = applyOverrides
