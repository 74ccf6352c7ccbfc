// Package voiceturn speaks one turn of a conversation on the phone: it begins as early as it can, speaks without markup, says
// a filler when the model or a tool takes long, and is never silent. After an error the caller hears the assistant's fallback
// message. The chat route for voice servers and our own phone calls share it.
package voiceturn
