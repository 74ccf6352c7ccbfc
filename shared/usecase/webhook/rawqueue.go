package webhook

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// QueuedKeyAttribute is the attribute that marks a message of the raw queue. Its value is the key of the report.
const QueuedKeyAttribute = "key"

// maxUnpacked bounds an unpacked report. It is more than a Lambda event can hold.
const maxUnpacked = 16 << 20

// Pack compresses a report and encodes it as text: SQS takes only text, at most 1 MiB.
func Pack(report []byte) string {
	var b strings.Builder
	text := base64.NewEncoder(base64.StdEncoding, &b)
	z := gzip.NewWriter(text)
	_, _ = z.Write(report) // writes to a strings.Builder cannot fail
	_ = z.Close()
	_ = text.Close()
	return b.String()
}

// Unpack returns the report that Pack packed.
func Unpack(packed string) ([]byte, error) {
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
