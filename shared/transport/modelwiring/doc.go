// Package modelwiring builds the models of a function from its settings.
//
// # Decisions
//
// The wiring packages read the settings that several functions share, and connect adapters to use cases. main.go only says
// which of them a function consists of.
//
// There is a package each for models, tools, chats, reports and calls, because a program pays at each start for every package
// that it links, used or not. call-worker has models and no tools, the webhook has tools and no chat, and the functions that
// only queue reports have none of these.
package modelwiring
