package lambdaapp

import (
	"runtime"
	"strconv"
	"strings"
)

// Stack names the functions and lines that led here, innermost first, without addresses and arguments, which could
// hold what a log must not.
func Stack() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			b.WriteString(f.Function + ":" + strconv.Itoa(f.Line) + "\n")
		}
		if !more {
			return b.String()
		}
	}
}
