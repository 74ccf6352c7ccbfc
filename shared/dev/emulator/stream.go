package emulator

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// streamType is the content type of a streamed response: a JSON prelude, eight zero bytes, the body.
const streamType = "application/vnd.awslambda.http-integration-response"

// maxPrelude is the part of a stream in which API Gateway looks for the zero bytes.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
const maxPrelude = 16 << 10

var errNoPrelude = errors.New("a streamed response must begin with a JSON prelude and eight zero bytes within 16 KB")

// splitStream reads the prelude of a streamed response, whatever pieces it arrives in. The returned reader has the body.
func splitStream(r io.Reader) (prelude []byte, body io.Reader, err error) {
	buffered := bufio.NewReader(r)
	zeros := 0
	for zeros < 8 {
		b, err := buffered.ReadByte()
		switch {
		case err == io.EOF:
			return nil, nil, errNoPrelude
		case err != nil:
			return nil, nil, &bodyReadError{err}
		}
		prelude = append(prelude, b)
		if zeros++; b != 0 {
			zeros = 0
		}
		if len(prelude) > maxPrelude+8 {
			_, _ = io.Copy(io.Discard, buffered)
			return nil, nil, errNoPrelude
		}
	}
	return prelude[:len(prelude)-8], buffered, nil
}

// bodyReadError means that a streamed response broke off, because its process is ending.
type bodyReadError struct{ cause error }

func (b *bodyReadError) Error() string { return "the response broke off: " + b.cause.Error() }
func (b *bodyReadError) Unwrap() error { return b.cause }

// copyStream writes each piece as it arrives. If the client is gone, the rest is read and dropped, so that the function can
// go on. More than limit bytes is an error, and then the rest is dropped too.
func copyStream(w io.Writer, r io.Reader, limit int) error {
	buffer := make([]byte, 32<<10)
	var lost error
	for passed := 0; ; {
		n, err := r.Read(buffer)
		if passed += n; passed > limit && lost == nil {
			lost = fmt.Errorf("a streamed response may have at most %d bytes", limit)
		}
		if n > 0 && w != nil && lost == nil {
			if _, err := w.Write(buffer[:n]); err != nil {
				w = nil
			}
		}
		if err == io.EOF {
			return lost
		}
		if err != nil {
			return &bodyReadError{err}
		}
	}
}
