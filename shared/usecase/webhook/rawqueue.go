package webhook

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// QueuedKeyAttribute is the message attribute that marks a raw report in a queue; it holds the key the report was meant for.
const QueuedKeyAttribute = "key"

// maxUnpacked bounds what a packed report may unfold to: more than any event holds.
const maxUnpacked = 16 << 20

// pack makes a report small, and text, as a queue needs it.
func pack(report []byte) string {
	var b strings.Builder
	text := base64.NewEncoder(base64.StdEncoding, &b)
	z := gzip.NewWriter(text)
	_, _ = z.Write(report) // a strings.Builder takes everything
	_ = z.Close()
	_ = text.Close()
	return b.String()
}

func unpack(packed string) ([]byte, error) {
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("unpack report: %w", err)
	}
	var b bytes.Buffer
	if n, err := io.Copy(&b, io.LimitReader(z, maxUnpacked+1)); err != nil || n > maxUnpacked {
		return nil, fmt.Errorf("unpack report: %d bytes: %w", n, err)
	}
	return b.Bytes(), nil
}
