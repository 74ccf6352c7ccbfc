//go:build !linux

package emulator

import "syscall"

// attributes put a child in a process group of its own, so that a Ctrl-C at the terminal reaches us alone and we end
// it. Where we are killed without a chance to, children notice by their closed connections: a Lambda's runtime
// client ends when the runtime API is gone, and dynalite when its standard input is.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
