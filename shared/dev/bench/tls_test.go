package bench

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// A process with the environment of secureServers reaches the plain server over TLS, and an upload arrives without its framing.
func TestSecureServers(t *testing.T) {
	type upload struct{ body, hash, encoding string }
	got := make(chan upload, 1)
	plain, stop, err := serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- upload{string(body), r.Header.Get("X-Amz-Content-Sha256"), r.Header.Get("Content-Encoding")}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s, err := startSecureServers(t.TempDir(), []string{plain})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	environment := s.environment([]string{"STORE=" + plain + "/v1", "OTHER=x"})
	if !strings.HasPrefix(environment[0], "STORE=https://127.0.0.1:") || !strings.HasSuffix(environment[0], "/v1") || environment[1] != "OTHER=x" {
		t.Fatalf("the environment is %v", environment)
	}
	roots := x509.NewCertPool()
	text, err := os.ReadFile(strings.TrimPrefix(environment[2], "SSL_CERT_FILE="))
	if err != nil || !roots.AppendCertsFromPEM(text) {
		t.Fatalf("the certificates cannot be read: %v", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.addresses[plain], strings.NewReader("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
	r.Header.Set("X-Amz-Decoded-Content-Length", "5")
	r.Header.Set("Content-Encoding", "aws-chunked")
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if u := <-got; u != (upload{"hello", "UNSIGNED-PAYLOAD", ""}) {
		t.Errorf("the server got %+v", u)
	}
}

func TestOpeningTime(t *testing.T) {
	log := "{\"event\":\"settings.warned\"}\nno JSON\n{\"event\":\"connections.opened\",\"opened\":3,\"ms\":4.25}\n"
	if got := openingTime(log); got != 4.25 {
		t.Errorf("openingTime = %v, want 4.25", got)
	}
	if got := openingTime("{\"ms\":1}\n"); got != 0 {
		t.Errorf("openingTime without the line = %v, want 0", got)
	}
}
