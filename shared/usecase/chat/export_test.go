package chat

// Override is open to tests, so that they can go through every field.
var Override = override
