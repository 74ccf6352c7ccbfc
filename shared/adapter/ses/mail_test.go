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

// fakeSES is SES as far as SendEmail goes.
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
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		serve(w, r)
	}))
	t.Cleanup(d.Close)
	return d, ses.New(testkit.AWSConfig(d.URL, nil), "Aurora <aurora@example.com>", configuration, func() time.Time { return noon })
}

// requests is what was posted so far.
func (d *fakeSES) requests() []map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.bodies)
}

func sent(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"MessageId":"m1"}`) }

func respondError(status int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"message":"Email address not verified: boss@example.com"}`)
	}
}

// lastMessage is the message that SES was given.
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
	d, s := newFakeSES(t, "aurora-test", sent)
	text := "Grüße,\r\n.\r\nFrom here on " + strings.Repeat("a long line ", 30)
	err := s.SendMail(t.Context(), aurora.Mail{To: []string{"team@example.com", "Boss <boss@example.com>"}, Subject: "Rückruf ✓", Text: text})
	if err != nil || !s.Ready() {
		t.Fatal(err)
	}
	m := d.lastMessage(t)
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if subject != "Rückruf ✓" || m.Header.Get("From") != `"Aurora" <aurora@example.com>` || m.Header.Get("To") != `<team@example.com>, "Boss" <boss@example.com>` {
		t.Errorf("%q %v", subject, m.Header)
	}
	if at, err := m.Header.Date(); err != nil || !at.Equal(noon) {
		t.Errorf("%v %v", at, err)
	}
	if kind, _, _ := mime.ParseMediaType(m.Header.Get("Content-Type")); kind != "text/plain" || m.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		t.Errorf("%v", m.Header)
	}
	if got, err := io.ReadAll(quotedprintable.NewReader(m.Body)); err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(text) {
		t.Errorf("%q %v", got, err)
	}
	body := d.requests()[0]
	if body["ConfigurationSetName"] != "aurora-test" || !reflect.DeepEqual(body["Destination"], map[string]any{"ToAddresses": []any{"team@example.com", "boss@example.com"}}) {
		t.Errorf("%v", body)
	}
}

func TestHTMLAlternative(t *testing.T) {
	d, s := newFakeSES(t, "", sent)
	if err := s.SendMail(t.Context(), aurora.Mail{From: "reports@example.com", To: []string{"a@example.com"}, Subject: "s", Text: "plain", HTML: "<p>rich</p>"}); err != nil {
		t.Fatal(err)
	}
	m := d.lastMessage(t)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" || m.Header.Get("From") != "<reports@example.com>" {
		t.Fatalf("%v %v", m.Header, err)
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
		t.Errorf("%v", kinds)
	}
	if _, ok := d.requests()[0]["ConfigurationSetName"]; ok {
		t.Error("an empty configuration set was named")
	}
}

func TestInvalidMails(t *testing.T) {
	d, s := newFakeSES(t, "", sent)
	good := aurora.Mail{To: []string{"a@example.com"}, Subject: "s", Text: "t"}
	for name, change := range map[string]func(*aurora.Mail){
		"nobody":               func(m *aurora.Mail) { m.To = nil },
		"too many":             func(m *aurora.Mail) { m.To = make([]string, 51) },
		"no address":           func(m *aurora.Mail) { m.To = []string{"a@example.com", "b"} },
		"two in one":           func(m *aurora.Mail) { m.To = []string{"a@example.com, b@example.com"} },
		"F3: a header in To":   func(m *aurora.Mail) { m.To = []string{"a@example.com\r\nBcc: b@example.com"} },
		"in a name":            func(m *aurora.Mail) { m.To = []string{"\"x\nBcc: b@example.com\" <a@example.com>"} },
		"in the subject":       func(m *aurora.Mail) { m.Subject = "s\r\nBcc: b@example.com" },
		"by a line feed":       func(m *aurora.Mail) { m.Subject = "s\nBcc: b@example.com" },
		"by a line separator":  func(m *aurora.Mail) { m.Subject = "s\u2028Bcc: b@example.com" },
		"in From":              func(m *aurora.Mail) { m.From = "a@example.com\rBcc: b@example.com" },
		"no subject":           func(m *aurora.Mail) { m.Subject = " " },
		"an endless one":       func(m *aurora.Mail) { m.Subject = strings.Repeat("s", 501) },
		"nothing to say":       func(m *aurora.Mail) { m.Text = "" },
		"an address in umlaut": func(m *aurora.Mail) { m.To = []string{"jürgen@example.com"} },
		"From that is none":    func(m *aurora.Mail) { m.From = "me" },
	} {
		m := good
		change(&m)
		if err := s.SendMail(t.Context(), m); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(d.requests()) != 0 {
		t.Errorf("%d were sent", len(d.requests()))
	}
	unready := ses.New(testkit.AWSConfig(d.URL, nil), "", "", time.Now)
	if err := unready.SendMail(t.Context(), good); unready.Ready() || !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a sender: %v", err)
	}
}

func TestSESErrors(t *testing.T) {
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		kind  fault.Kind
		posts int
	}{
		"59: throttled":   {respondError(429, "TooManyRequestsException"), fault.RateLimited, 3},
		"rejected":        {respondError(400, "MessageRejected"), fault.Upstream, 1},
		"bad":             {respondError(400, "BadRequestException"), fault.Upstream, 1},
		"suspended":       {respondError(400, "AccountSuspendedException"), fault.Upstream, 1},
		"500":             {respondError(500, "InternalFailure"), fault.Unavailable, 1},
		"denied":          {respondError(403, "AccessDeniedException"), fault.Unavailable, 1},
		"the answer lost": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Timeout, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := newFakeSES(t, "", c.serve)
			err := s.SendMail(t.Context(), aurora.Mail{To: []string{"boss@example.com"}, Subject: "my-subject", Text: "my-text"})
			if !fault.Is(err, c.kind) || len(d.requests()) != c.posts {
				t.Errorf("%v, %d posts", err, len(d.requests()))
			}
			checkNoPrivateData(t, err)
		})
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	message := aurora.Mail{To: []string{"boss@example.com"}, Subject: "s", Text: "t"}
	if err := ses.New(testkit.AWSConfig(closed.URL, nil), "a@example.com", "", time.Now).SendMail(t.Context(), message); !fault.Is(err, fault.Unavailable) {
		t.Errorf("not reached: %v", err)
	}
	none := ses.New(func() (aws.Config, error) { return aws.Config{}, errors.New("none") }, "a@example.com", "", time.Now)
	if err := none.SendMail(t.Context(), message); err == nil {
		t.Error("sent without a configuration")
	}
}

func TestSendTimeout(t *testing.T) {
	asked := make(chan struct{}, 1)
	_, s := newFakeSES(t, "", func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if err := s.SendMail(ctx, aurora.Mail{To: []string{"boss@example.com"}, Subject: "s", Text: "t"}); !fault.Is(err, fault.Timeout) {
		t.Errorf("%v", err)
	}
}

func checkNoPrivateData(t *testing.T, err error) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "error", err)
	for _, secret := range []string{"boss@", "my-subject", "my-text", "127.0.0.1"} {
		if strings.Contains(log.String(), secret) || strings.Contains(fault.From(err).Message, secret) {
			t.Errorf("%q is in %s", secret, log.String())
		}
	}
}

// F3: whatever a model writes into a subject or a body, the message has the headers that we gave it, and no others.
func FuzzCompose(f *testing.F) {
	for _, s := range []string{"a", "a\r\nBcc: x@example.com", "=?utf-8?q?a=0D=0ABcc:x?=", strings.Repeat("ß", 200), "\x00", "\xff"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, subject, text string) {
		d, s := newFakeSES(t, "", sent)
		if err := s.SendMail(t.Context(), aurora.Mail{To: []string{"a@example.com"}, Subject: subject, Text: text}); err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Error(err)
			}
			return
		}
		for name := range d.lastMessage(t).Header {
			switch name {
			case "From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Transfer-Encoding":
			default:
				t.Errorf("%q has the header %s", subject, name)
			}
		}
	})
}
