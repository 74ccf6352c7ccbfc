package chat

// ApplyOverrides is open to tests, so that they can go through every field.
var ApplyOverrides = applyOverrides
