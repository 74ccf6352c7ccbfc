package emulator

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A client that goes away in the middle of a request must not end the database.
func TestDynaliteOutlivesAnAbortedRequest(t *testing.T) {
	s := startStack(t, Options{})
	address := strings.TrimPrefix(s.Info().Endpoints["dynamodb"], "http://")
	for range 3 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: "+address+"\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 100\r\n\r\n{")
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // closed with a reset
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	response, _ := sendRequest(t, http.MethodPost, "http://"+address, "{}", "X-Amz-Target", "DynamoDB_20120810.ListTables", "Content-Type", "application/x-amz-json-1.0")
	if response.StatusCode >= http.StatusInternalServerError {
		t.Errorf("the database answers with status %d", response.StatusCode)
	}
}
