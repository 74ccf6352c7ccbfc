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
	kept       = 1000
	maxRequest = 60 << 20 // a message of 40 MB, in base64
	maxMessage = 40 << 20 // https://docs.aws.amazon.com/ses/latest/dg/quotas.html
	recipients = 50       // of one message
)

// Options make a stand-in. The zero value takes every mail.
type Options struct {
	Now func() time.Time // time.Now where nil
	// Refuse says what is wrong with a mail, as SES would; nil takes all.
	Refuse func(Mail) *fakeaws.Fault
}

// Server is one account's mail.
type Server struct {
	options Options
	mux     *http.ServeMux

	mu    sync.Mutex
	mails []Mail // the oldest first
}

// New makes a mail service that has sent nothing.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, mux: http.NewServeMux()}
	s.mux.HandleFunc("POST /v2/email/outbound-emails", s.outbound)
	s.mux.HandleFunc("GET /{$}", s.list)
	s.mux.HandleFunc("GET /mails.json", s.listJSON)
	s.mux.HandleFunc("GET /mails/{id}", s.one)
	s.mux.HandleFunc("GET /mails/{id}/raw", s.raw)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &fakeaws.Fault{Status: http.StatusNotFound, Code: "UnknownOperationException", Message: "The stand-in does not serve " + r.Method + " " + r.URL.Path + "."})
	})
	return s
}

// ServeHTTP serves SES and, at /, the page.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Mails are the mails so far, in order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// sendEmail is the request; content is raw, or simple.
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

func (s *Server) outbound(w http.ResponseWriter, r *http.Request) {
	m, problem := s.read(r)
	if problem == nil && s.options.Refuse != nil {
		problem = s.options.Refuse(m)
	}
	if problem != nil {
		fail(w, problem)
		return
	}
	s.mu.Lock()
	s.mails = append(s.mails, m)
	s.mails = s.mails[max(0, len(s.mails)-kept):]
	s.mu.Unlock()
	answer(w, http.StatusOK, map[string]string{"MessageId": m.ID})
}

// read makes a mail of a request, or says why SES would not take it.
func (s *Server) read(r *http.Request) (Mail, *fakeaws.Fault) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return Mail{}, fakeaws.Refuse("BadRequestException", "The request could not be read: %v", err)
	}
	var in sendEmail
	if err := json.Unmarshal(body, &in); err != nil {
		return Mail{}, fakeaws.Refuse("SerializationException", "The request is not what this operation takes: %v", err)
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
		return Mail{}, fakeaws.Refuse("BadRequestException", "Exactly one of raw and simple content is served.")
	}
	if err != nil {
		return Mail{}, fakeaws.Refuse("BadRequestException", "The message is no mail: %v", err)
	}
	if in.FromEmailAddress != "" {
		m.From = in.FromEmailAddress
	}
	// Where a destination is given, the headers say nothing about who gets a raw message.
	if to := slices.Concat(in.Destination.ToAddresses, in.Destination.CcAddresses, in.Destination.BccAddresses); len(to) > 0 {
		m.To = to
	}
	return m, m.check()
}

// check is what SES looks at before it takes a mail.
func (m *Mail) check() *fakeaws.Fault {
	switch {
	case len(m.Raw) > maxMessage:
		return fakeaws.Refuse("MessageRejected", "Message length is more than %d bytes long.", maxMessage)
	case m.From == "":
		return fakeaws.Refuse("BadRequestException", "Missing required header 'From'.")
	case len(m.To) == 0:
		return fakeaws.Refuse("BadRequestException", "Missing required header 'To'.")
	case len(m.To) > recipients:
		return fakeaws.Refuse("MessageRejected", "Recipient count exceeds %d.", recipients)
	case m.Text == "" && m.HTML == "" && len(m.Attachments) == 0:
		return fakeaws.Refuse("BadRequestException", "The message has no body.")
	}
	for _, address := range append([]string{m.From}, m.To...) {
		if _, err := mail.ParseAddress(address); err != nil || strings.ContainsAny(address, "\r\n") {
			return fakeaws.Refuse("BadRequestException", "Illegal address")
		}
	}
	return nil
}

// fail answers as SES does: the code in a header, the words in the body.
func fail(w http.ResponseWriter, f *fakeaws.Fault) {
	w.Header().Set("X-Amzn-Errortype", f.Code)
	status := f.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	answer(w, status, map[string]string{"message": f.Message})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", newID())
	w.WriteHeader(status)
	// The status is out already: a write that fails has nobody left to tell.
	_ = json.NewEncoder(w).Encode(v)
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return fmt.Sprintf("%s-%s", hex.EncodeToString(b[:8]), hex.EncodeToString(b[8:]))
}
