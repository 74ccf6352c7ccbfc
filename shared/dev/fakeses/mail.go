package fakeses

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// maxDepth bounds how deep the parts of a mail may be nested.
const maxDepth = 8

// Mail is a parsed mail.
type Mail struct {
	ID               string
	At               time.Time
	From             string
	To               []string // all recipients, with Bcc
	Subject          string
	Text             string
	HTML             string
	Attachments      []Attachment
	ConfigurationSet string
	Raw              []byte `json:"-"` // as it was sent; empty for simple content
}

// Attachment is a part of a mail that is neither its text nor its HTML.
type Attachment struct {
	Name string
	Type string
	Size int
}

// parse reads a raw message.
func (m *Mail) parse(raw []byte) error {
	m.Raw = raw
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	decode := mime.WordDecoder{}
	if m.Subject, err = decode.DecodeHeader(message.Header.Get("Subject")); err != nil {
		return err
	}
	m.From = message.Header.Get("From")
	for _, name := range []string{"To", "Cc", "Bcc"} {
		if message.Header.Get(name) == "" {
			continue
		}
		list, err := message.Header.AddressList(name)
		if err != nil {
			return err
		}
		for _, a := range list {
			m.To = append(m.To, a.Address)
		}
	}
	return m.part(textproto.MIMEHeader(message.Header), message.Body, 0)
}

// part parses one part of a message and its nested parts.
func (m *Mail) part(header textproto.MIMEHeader, body io.Reader, depth int) error {
	if depth > maxDepth {
		return errors.New("its parts are nested too deep")
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if header.Get("Content-Type") == "" {
		kind, err = "text/plain", nil
	}
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.part(p.Header, p, depth+1); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body) // which skips line breaks
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	disposition, named, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	text := strings.ToValidUTF8(string(content), "\uFFFD")
	switch {
	case disposition != "attachment" && kind == "text/plain" && m.Text == "":
		m.Text = text
	case disposition != "attachment" && kind == "text/html" && m.HTML == "":
		m.HTML = text
	default:
		m.Attachments = append(m.Attachments, Attachment{Name: named["filename"], Type: kind, Size: len(content)})
	}
	return nil
}
