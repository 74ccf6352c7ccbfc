// Package modelwiring puts together what functions of a kind are made of: models here, tools, chats and reports in packages
// below it.
//
// # Decisions
//
// What several functions are made of has its settings read and its parts introduced to each other once, and main.go says
// which of them it is. It stands on the edge floor, so that nothing below knows it, and the authorizers do not link what
// it brings along.
//
// It is four packages because a program pays at each start for every package that it links, used or not: call-worker has
// models and no tools, the webhook tools and no chat. The functions that only queue reports need none of them.
package modelwiring
