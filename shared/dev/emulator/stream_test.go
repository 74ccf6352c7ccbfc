package emulator

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00"

func TestSplitStreamAtEveryOffset(t *testing.T) {
	prelude, body := `{"statusCode":200,"headers":{"a":"b"}}`, "data: one\n\n"+zeros+"more\x00"
	whole := prelude + zeros + body
	for cut := range len(whole) + 1 {
		r := io.MultiReader(strings.NewReader(whole[:cut]), strings.NewReader(whole[cut:]))
		gotPrelude, rest, err := splitStream(r)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		gotBody, err := io.ReadAll(rest)
		if err != nil || string(gotPrelude) != prelude || string(gotBody) != body {
			t.Fatalf("cut at %d: prelude %q, body %q, error %v", cut, gotPrelude, gotBody, err)
		}
	}
	_, rest, err := splitStream(iotest.OneByteReader(strings.NewReader(whole)))
	if got, _ := io.ReadAll(rest); err != nil || string(got) != body {
		t.Errorf("read byte by byte: %q, error %v", got, err)
	}
}

func TestStreamWithoutPrelude(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "no zeros": `{"statusCode":200}`, "seven zeros": "{}" + zeros[1:], "too far": strings.Repeat("x", maxPrelude+1) + zeros} {
		if _, _, err := splitStream(strings.NewReader(text)); !errors.Is(err, errNoPrelude) {
			t.Errorf("%s: error %v, want errNoPrelude", name, err)
		}
	}
	_, _, err := splitStream(io.MultiReader(strings.NewReader("{}"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	var broken *bodyReadError
	if !errors.As(err, &broken) {
		t.Errorf("a process that dies in the prelude: error %v", err)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("{}"+zeros+"body"), 3)
	f.Add([]byte(zeros), 1)
	f.Add([]byte("{}\x00\x00{}"+zeros+zeros), 5)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		if len(text) > 1<<16 {
			return
		}
		prelude, rest, err := splitStream(&chunkedReader{bytes.NewReader(text), max(1, min(size, 64))})
		at := bytes.Index(text, []byte(zeros))
		if at < 0 || at > maxPrelude {
			if err == nil {
				t.Fatalf("found a prelude in %q", text)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(rest)
		if err != nil || !bytes.Equal(prelude, text[:at]) || !bytes.Equal(body, text[at+8:]) {
			t.Fatalf("%q became %q and %q (%v)", text, prelude, body, err)
		}
	})
}

type chunkedReader struct {
	r    io.Reader
	size int
}

func (c *chunkedReader) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.size)]) }

func TestStreamLimitAndLostReader(t *testing.T) {
	var got bytes.Buffer
	if err := copyStream(&got, strings.NewReader("0123456789"), 5); err == nil {
		t.Error("a stream over the limit gave no error")
	}
	r := strings.NewReader(strings.Repeat("x", 100_000))
	if err := copyStream(failingWriter{}, r, 1<<20); err != nil || r.Len() != 0 {
		t.Errorf("a client that is gone stopped the function: error %v, %d bytes unread", err, r.Len())
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
