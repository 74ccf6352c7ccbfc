package fakeses

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/dev/fakeaws"
)

const (
	maxMails        = 1000
	maxRequestBytes = 60 << 20 // a message of 40 MB, in base64
	maxMessageBytes = 40 << 20 // https://docs.aws.amazon.com/ses/latest/dg/quotas.html
	maxRecipients   = 50       // of one message
)

// Options configure a server. The zero value accepts every mail.
type Options struct {
	Now func() time.Time // time.Now if nil
	// Refuse returns the error with which SES rejects a mail. Nil accepts all.
	Reject func(Mail) *fakeaws.APIError
}

// Server is the mail API of one account.
type Server struct {
	options Options
	mux     *http.ServeMux

	mu    sync.Mutex
	mails []Mail // the oldest first
}

// New returns a server without mails.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, mux: http.NewServeMux()}
	s.mux.HandleFunc("POST /v2/email/outbound-emails", s.sendMail)
	s.mux.HandleFunc("GET /{$}", s.showList)
	s.mux.HandleFunc("GET /mails.json", s.listJSON)
	s.mux.HandleFunc("GET /mails/{id}", s.showMail)
	s.mux.HandleFunc("GET /mails/{id}/raw", s.showRaw)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &fakeaws.APIError{Status: http.StatusNotFound, Code: "UnknownOperationException", Message: "The stand-in does not serve " + r.Method + " " + r.URL.Path + "."})
	})
	return s
}

// ServeHTTP serves SES and, at /, the page.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Mails returns the mails so far, in order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// sendEmail is the request, with raw or simple content.
type sendEmail struct {
	FromEmailAddress     string
	ConfigurationSetName string
	ReplyToAddresses     []string
	Destination          struct{ ToAddresses, CcAddresses, BccAddresses []string }
	Content              struct {
		Raw    *struct{ Data []byte }
		Simple *struct {
			Subject struct{ Data string }
			Body    struct{ Text, Html *struct{ Data string } }
		}
	}
}

func (s *Server) sendMail(w http.ResponseWriter, r *http.Request) {
	m, problem := s.parseRequest(r)
	if problem == nil && s.options.Reject != nil {
		problem = s.options.Reject(m)
	}
	if problem != nil {
		writeError(w, problem)
		return
	}
	s.mu.Lock()
	s.mails = append(s.mails, m)
	s.mails = s.mails[max(0, len(s.mails)-maxMails):]
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]string{"MessageId": m.ID})
}

// parseRequest returns the mail of a request, or the error with which SES rejects it.
func (s *Server) parseRequest(r *http.Request) (Mail, *fakeaws.APIError) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes))
	if err != nil {
		return Mail{}, fakeaws.Errorf("BadRequestException", "The request could not be read: %v", err)
	}
	var in sendEmail
	if err := json.Unmarshal(body, &in); err != nil {
		return Mail{}, fakeaws.Errorf("SerializationException", "The request cannot be decoded: %v", err)
	}
	m := Mail{ID: newID(), At: s.options.Now(), ConfigurationSet: in.ConfigurationSetName}
	switch {
	case in.Content.Raw != nil && in.Content.Simple == nil:
		err = m.parse(in.Content.Raw.Data)
	case in.Content.Simple != nil && in.Content.Raw == nil:
		m.Subject = in.Content.Simple.Subject.Data
		if text := in.Content.Simple.Body.Text; text != nil {
			m.Text = text.Data
		}
		if html := in.Content.Simple.Body.Html; html != nil {
			m.HTML = html.Data
		}
	default:
		return Mail{}, fakeaws.Errorf("BadRequestException", "Exactly one of raw and simple content is served.")
	}
	if err != nil {
		return Mail{}, fakeaws.Errorf("BadRequestException", "The message is not a mail: %v", err)
	}
	if in.FromEmailAddress != "" {
		m.From = in.FromEmailAddress
	}
	// With a destination, the headers of a raw message do not add recipients.
	if to := slices.Concat(in.Destination.ToAddresses, in.Destination.CcAddresses, in.Destination.BccAddresses); len(to) > 0 {
		m.To = to
	}
	return m, m.validate()
}

// validate returns the error with which SES rejects a mail, or nil.
func (m *Mail) validate() *fakeaws.APIError {
	switch {
	case len(m.Raw) > maxMessageBytes:
		return fakeaws.Errorf("MessageRejected", "Message length is more than %d bytes long.", maxMessageBytes)
	case m.From == "":
		return fakeaws.Errorf("BadRequestException", "Missing required header 'From'.")
	case len(m.To) == 0:
		return fakeaws.Errorf("BadRequestException", "Missing required header 'To'.")
	case len(m.To) > maxRecipients:
		return fakeaws.Errorf("MessageRejected", "Recipient count exceeds %d.", maxRecipients)
	case m.Text == "" && m.HTML == "" && len(m.Attachments) == 0:
		return fakeaws.Errorf("BadRequestException", "The message has no body.")
	}
	for _, address := range append([]string{m.From}, m.To...) {
		if _, err := mail.ParseAddress(address); err != nil || strings.ContainsAny(address, "\r\n") {
			return fakeaws.Errorf("BadRequestException", "Illegal address")
		}
	}
	return nil
}

// writeError answers as SES does: the code in a header, the message in the body.
func writeError(w http.ResponseWriter, f *fakeaws.APIError) {
	w.Header().Set("X-Amzn-Errortype", f.Code)
	status := f.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	writeJSON(w, status, map[string]string{"message": f.Message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", newID())
	w.WriteHeader(status)
	// The status is sent already, so a failed write cannot be reported.
	_ = json.NewEncoder(w).Encode(v)
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return fmt.Sprintf("%s-%s", hex.EncodeToString(b[:8]), hex.EncodeToString(b[8:]))
}
