package ses_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/adapter/ses"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// fakeSES is a server for SES's SendEmail. It records the requests.
type fakeSES struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []map[string]any
}

func newFakeSES(t *testing.T, configuration string, serve http.HandlerFunc) (*fakeSES, *ses.Sender) {
	t.Helper()
	d := &fakeSES{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		d.mu.Lock()
		d.bodies = append(d.bodies, body)
		d.mu.Unlock()
		if r.Method != http.MethodPost || r.URL.Path != "/v2/email/outbound-emails" {
			t.Errorf("the request is %s %s, want SendEmail", r.Method, r.URL.Path)
		}
		serve(w, r)
	}))
	t.Cleanup(d.Close)
	return d, ses.New(testkit.AWSConfig(d.URL, nil), "Aurora <aurora@example.com>", configuration, func() time.Time { return noon })
}

// requests returns the bodies of the requests so far.
func (d *fakeSES) requests() []map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.bodies)
}

// respondSent answers that the mail was accepted.
func respondSent(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"MessageId":"m1"}`)
}

// respondError answers with an error whose text contains an address, as SES's errors do.
func respondError(status int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"message":"Email address not verified: boss@example.com"}`)
	}
}

// lastMessage returns the message of the last request.
func (d *fakeSES) lastMessage(t *testing.T) *netmail.Message {
	t.Helper()
	content := d.requests()[len(d.requests())-1]["Content"].(map[string]any)["Raw"].(map[string]any)["Data"].(string)
	b, err := base64.StdEncoding.DecodeString(content)
	if err != nil {
		t.Fatal(err)
	}
	m, err := netmail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSendMail(t *testing.T) {
	d, s := newFakeSES(t, "aurora-test", respondSent)
	text := "Grüße,\r\n.\r\nFrom here on " + strings.Repeat("a long line ", 30)
	err := s.SendMail(t.Context(), aurora.Mail{To: []string{"team@example.com", "Boss <boss@example.com>"}, Subject: "Rückruf ✓", Text: text})
	if err != nil || !s.Ready() {
		t.Fatal(err)
	}
	m := d.lastMessage(t)
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if subject != "Rückruf ✓" || m.Header.Get("From") != `"Aurora" <aurora@example.com>` || m.Header.Get("To") != `<team@example.com>, "Boss" <boss@example.com>` {
		t.Errorf("the subject is %q and the headers are %v", subject, m.Header)
	}
	if at, err := m.Header.Date(); err != nil || !at.Equal(noon) {
		t.Errorf("the date is %v, %v; want %v", at, err, noon)
	}
	if kind, _, _ := mime.ParseMediaType(m.Header.Get("Content-Type")); kind != "text/plain" || m.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		t.Errorf("the headers are %v, want plain text in quoted-printable", m.Header)
	}
	if got, err := io.ReadAll(quotedprintable.NewReader(m.Body)); err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(text) {
		t.Errorf("the text is %q, %v; want %q", got, err, text)
	}
	body := d.requests()[0]
	if body["ConfigurationSetName"] != "aurora-test" || !reflect.DeepEqual(body["Destination"], map[string]any{"ToAddresses": []any{"team@example.com", "boss@example.com"}}) {
		t.Errorf("the request is %v, want the configuration set and both addresses", body)
	}
	if want := map[string]any{"Tracking": map[string]any{"ClickTrackingEnabled": "DISABLED"}}; !reflect.DeepEqual(body["ConfigurationOverrides"], want) {
		t.Errorf("the request overrides %v, want click tracking off: its events would hold the links of reports", body["ConfigurationOverrides"])
	}
}

func TestHTMLAlternative(t *testing.T) {
	d, s := newFakeSES(t, "", respondSent)
	if err := s.SendMail(t.Context(), aurora.Mail{From: "reports@example.com", To: []string{"a@example.com"}, Subject: "s", Text: "plain", HTML: "<p>rich</p>"}); err != nil {
		t.Fatal(err)
	}
	m := d.lastMessage(t)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" || m.Header.Get("From") != "<reports@example.com>" {
		t.Fatalf("the headers are %v, %v; want two alternative parts from reports@example.com", m.Header, err)
	}
	var kinds []string
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextPart()
		if err != nil {
			break
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		kinds = append(kinds, kind)
	}
	if !reflect.DeepEqual(kinds, []string{"text/plain", "text/html"}) {
		t.Errorf("the parts are %v, want text and HTML", kinds)
	}
	if _, ok := d.requests()[0]["ConfigurationSetName"]; ok {
		t.Error("the request names an empty configuration set")
	}
}

func TestInvalidMails(t *testing.T) {
	d, s := newFakeSES(t, "", respondSent)
	good := aurora.Mail{To: []string{"a@example.com"}, Subject: "s", Text: "t"}
	for name, change := range map[string]func(*aurora.Mail){
		"no recipient":                    func(m *aurora.Mail) { m.To = nil },
		"too many":                        func(m *aurora.Mail) { m.To = make([]string, 51) },
		"not an address":                  func(m *aurora.Mail) { m.To = []string{"a@example.com", "b"} },
		"two addresses in one":            func(m *aurora.Mail) { m.To = []string{"a@example.com, b@example.com"} },
		"security F3: a header in To":     func(m *aurora.Mail) { m.To = []string{"a@example.com\r\nBcc: b@example.com"} },
		"a header in a name":              func(m *aurora.Mail) { m.To = []string{"\"x\nBcc: b@example.com\" <a@example.com>"} },
		"a header in the subject":         func(m *aurora.Mail) { m.Subject = "s\r\nBcc: b@example.com" },
		"a header after a line feed":      func(m *aurora.Mail) { m.Subject = "s\nBcc: b@example.com" },
		"a header after a line separator": func(m *aurora.Mail) { m.Subject = "s\u2028Bcc: b@example.com" },
		"a header in From":                func(m *aurora.Mail) { m.From = "a@example.com\rBcc: b@example.com" },
		"no subject":                      func(m *aurora.Mail) { m.Subject = " " },
		"a long subject":                  func(m *aurora.Mail) { m.Subject = strings.Repeat("s", 501) },
		"no text":                         func(m *aurora.Mail) { m.Text = "" },
		"an address with an umlaut":       func(m *aurora.Mail) { m.To = []string{"jürgen@example.com"} },
		"From is not an address":          func(m *aurora.Mail) { m.From = "me" },
	} {
		m := good
		change(&m)
		if err := s.SendMail(t.Context(), m); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: the error is %v, want Invalid", name, err)
		}
	}
	if len(d.requests()) != 0 {
		t.Errorf("%d invalid mails were sent", len(d.requests()))
	}
	unready := ses.New(testkit.AWSConfig(d.URL, nil), "", "", time.Now)
	if err := unready.SendMail(t.Context(), good); unready.Ready() || !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a sender's address the error is %v, want Unavailable", err)
	}
}

func TestSESErrors(t *testing.T) {
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		kind  fault.Kind
		posts int
	}{
		"fault 59: throttled": {respondError(429, "TooManyRequestsException"), fault.RateLimited, 3},
		"rejected":            {respondError(400, "MessageRejected"), fault.Upstream, 1},
		"bad request":         {respondError(400, "BadRequestException"), fault.Upstream, 1},
		"account suspended":   {respondError(400, "AccountSuspendedException"), fault.Upstream, 1},
		"internal error":      {respondError(500, "InternalFailure"), fault.Unavailable, 1},
		"access denied":       {respondError(403, "AccessDeniedException"), fault.Unavailable, 1},
		"the reply is lost":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Timeout, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := newFakeSES(t, "", c.serve)
			err := s.SendMail(t.Context(), aurora.Mail{To: []string{"boss@example.com"}, Subject: "my-subject", Text: "my-text"})
			if !fault.Is(err, c.kind) || len(d.requests()) != c.posts {
				t.Errorf("the error is %v after %d requests, want %v after %d", err, len(d.requests()), c.kind, c.posts)
			}
			checkNoPrivateData(t, err)
		})
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	message := aurora.Mail{To: []string{"boss@example.com"}, Subject: "s", Text: "t"}
	if err := ses.New(testkit.AWSConfig(closed.URL, nil), "a@example.com", "", time.Now).SendMail(t.Context(), message); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the error for a server that is not reached is %v, want Unavailable", err)
	}
	none := ses.New(func() (aws.Config, error) { return aws.Config{}, errors.New("none") }, "a@example.com", "", time.Now)
	if err := none.SendMail(t.Context(), message); err == nil {
		t.Error("SendMail returned no error without a configuration")
	}
}

func TestSendTimeout(t *testing.T) {
	received := make(chan struct{}, 1)
	_, s := newFakeSES(t, "", func(_ http.ResponseWriter, r *http.Request) {
		received <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-received; cancel() }()
	if err := s.SendMail(ctx, aurora.Mail{To: []string{"boss@example.com"}, Subject: "s", Text: "t"}); !fault.Is(err, fault.Timeout) {
		t.Errorf("the error is %v, want Timeout", err)
	}
}

// checkNoPrivateData fails if an error contains parts of the mail or the address of a server.
func checkNoPrivateData(t *testing.T, err error) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "error", err)
	for _, secret := range []string{"boss@", "my-subject", "my-text", "127.0.0.1"} {
		if strings.Contains(log.String(), secret) || strings.Contains(fault.From(err).Message, secret) {
			t.Errorf("the error contains %q: %s", secret, log.String())
		}
	}
}

// FuzzCompose checks that no subject and no text can add a header to a mail (security F3).
func FuzzCompose(f *testing.F) {
	for _, s := range []string{"a", "a\r\nBcc: x@example.com", "=?utf-8?q?a=0D=0ABcc:x?=", strings.Repeat("ß", 200), "\x00", "\xff"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, subject, text string) {
		d, s := newFakeSES(t, "", respondSent)
		if err := s.SendMail(t.Context(), aurora.Mail{To: []string{"a@example.com"}, Subject: subject, Text: text}); err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("the error is %v, want Invalid", err)
			}
			return
		}
		for name := range d.lastMessage(t).Header {
			switch name {
			case "From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Transfer-Encoding":
			default:
				t.Errorf("the mail with the subject %q has the header %s", subject, name)
			}
		}
	})
}
