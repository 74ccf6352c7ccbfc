package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/core/fault"
)

const (
	// SessionIdle is how long a session lasts without a request, and SessionLifetime how long it lasts at most.
	SessionIdle     = 30 * time.Minute
	SessionLifetime = 8 * time.Hour
	// sessionRenewal is how old a cookie is before a request gets a new one.
	sessionRenewal = 5 * time.Minute

	sessionVersion      = 1         // the first byte of every cookie
	sessionTimes        = 1 + 8 + 8 // the version, and when the session began and was last used
	keyIDLength         = 12        // see Key.ID
	maxSessionIDLength  = 64
	maxSessionLength    = sessionTimes + keyIDLength + maxSessionIDLength + sha256.Size
	sessionCookie       = "__Host-aurora"
	sessionCookieNoTLS  = "aurora"
	sessionCookieFields = "; Path=/; HttpOnly; SameSite=Strict"
)

// EndedSessions holds the sessions that their operators have ended.
type EndedSessions interface {
	// EndSession notes that a session has ended. The note may be dropped at the time until.
	EndSession(ctx context.Context, id string, until time.Time) error
	// HasSessionEnded reports whether EndSession was called for a session, also a moment ago by another process.
	HasSessionEnded(ctx context.Context, id string) (bool, error)
}

// Operators authenticates operators: by a key in the header of OperatorPolicy, or by the cookie of a session that was made from
// such a key. It is safe for concurrent use.
type Operators struct {
	Keys KeySource
	// Secrets and SecretName say where the signing keys of the cookies are: words of at least 32 bytes, the newest first. The
	// first one signs, all of them verify.
	Secrets    Secrets
	SecretName string
	Stage      string // part of what is signed, so that no other stage accepts the cookie
	Ended      EndedSessions
	Now        func() time.Time
	NewID      func() string // of a session: at least 128 random bits, 1 to 64 ASCII characters
}

// Login is an operator who is logged in.
type Login struct {
	Principal Principal
	Session   *Session // nil if the request has a key instead
}

// Session is what a session's cookie says. Role and assistants of the operator are not in it.
type Session struct {
	ID       string
	KeyID    string
	Began    time.Time
	LastUsed time.Time
}

// EndsAt returns when the session ends, however much it is used. A session does not outlive its key.
func (l Login) EndsAt() time.Time {
	if l.Session == nil {
		return l.Principal.ExpiresAt
	}
	end := l.Session.Began.Add(SessionLifetime)
	if expires := l.Principal.ExpiresAt; !expires.IsZero() && expires.Before(end) {
		return expires
	}
	return end
}

// Open begins a session with a key. The error is a fault: Unauthorized if the key is not that of an operator, Unavailable if the
// live keys or the signing keys cannot be loaded.
func (o *Operators) Open(ctx context.Context, key string) (Login, error) {
	found, err := OperatorPolicy.Authenticate(ctx, http.Header{internalKeyHeader: {key}}, o.Keys)
	if err != nil {
		return Login{}, err
	}
	now := o.Now().Truncate(time.Second)
	return Login{found.Principal(), &Session{ID: o.NewID(), KeyID: found.ID(), Began: now, LastUsed: now}}, nil
}

// Authenticate returns the operator who sent a request. A key in the header decides alone, also a wrong one. The error is a
// fault: Unauthorized without a valid key or cookie, Unavailable if that cannot be checked now.
func (o *Operators) Authenticate(ctx context.Context, h http.Header) (Login, error) {
	if OperatorPolicy.hasValue(h) {
		key, err := OperatorPolicy.Authenticate(ctx, h, o.Keys)
		if err != nil {
			return Login{}, err
		}
		return Login{Principal: key.Principal()}, nil
	}
	value, ok := cookieValue(h, cookieName(h))
	if !ok {
		return Login{}, errNoValidKey
	}
	s, err := o.verify(ctx, value)
	if err != nil {
		return Login{}, err
	}
	key, err := o.liveKey(ctx, s.KeyID)
	if err != nil {
		return Login{}, err
	}
	ended, err := o.Ended.HasSessionEnded(ctx, s.ID)
	switch {
	case err != nil:
		return Login{}, fault.New(fault.Unavailable, "The session cannot be checked now.").WithCode("store_unavailable").WithRetryAfter(time.Second).Because(err)
	case ended:
		return Login{}, errNoValidKey
	}
	return Login{Principal: key.Principal(), Session: &s}, nil
}

// End ends the session of a login at once, for all processes. It does nothing if there is none.
func (o *Operators) End(ctx context.Context, l Login) error {
	if l.Session == nil {
		return nil
	}
	if err := o.Ended.EndSession(ctx, l.Session.ID, l.Session.Began.Add(SessionLifetime)); err != nil {
		return fault.New(fault.Unavailable, "The session cannot be ended now.").WithCode("store_unavailable").WithRetryAfter(time.Second).Because(err)
	}
	return nil
}

// Cookie returns the header Set-Cookie of a session, for the address that a request with the header h came to.
func (o *Operators) Cookie(ctx context.Context, h http.Header, l Login) (string, error) {
	words, err := o.signingKeys(ctx)
	if err != nil {
		return "", err
	}
	s := l.Session
	b := make([]byte, 0, maxSessionLength)
	b = append(b, sessionVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Began.Unix()))
	b = binary.BigEndian.AppendUint64(b, uint64(s.LastUsed.Unix()))
	b = append(append(b, s.KeyID...), s.ID...)
	value := base64.RawURLEncoding.EncodeToString(append(b, o.signature(words[0], b)...))
	return setCookie(h, value, min(SessionIdle, l.EndsAt().Sub(o.Now()))), nil
}

// Renew returns the header Set-Cookie that extends a session by a request, or "" if it need not be extended yet.
func (o *Operators) Renew(ctx context.Context, h http.Header, l Login) (string, error) {
	now := o.Now().Truncate(time.Second)
	if l.Session == nil || now.Sub(l.Session.LastUsed) < sessionRenewal {
		return "", nil
	}
	renewed := *l.Session
	renewed.LastUsed = now
	return o.Cookie(ctx, h, Login{l.Principal, &renewed})
}

// ClearCookie returns the header Set-Cookie that removes a session's cookie.
func ClearCookie(h http.Header) string { return setCookie(h, "", 0) }

// verify returns the session of a cookie that was signed here and has not expired.
func (o *Operators) verify(ctx context.Context, value string) (Session, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(b) <= sessionTimes+keyIDLength+sha256.Size || len(b) > maxSessionLength || strings.ContainsAny(value, "\r\n") { // the decoder ignores line ends
		return Session{}, errNoValidKey
	}
	words, err := o.signingKeys(ctx)
	if err != nil {
		return Session{}, err
	}
	body, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	signed := false
	for _, word := range words { // all of them, so that the time is always the same
		if hmac.Equal(o.signature(word, body), mac) {
			signed = true
		}
	}
	s := Session{Began: time.Unix(int64(binary.BigEndian.Uint64(b[1:9])), 0), LastUsed: time.Unix(int64(binary.BigEndian.Uint64(b[9:sessionTimes])), 0),
		KeyID: string(body[sessionTimes : sessionTimes+keyIDLength]), ID: string(body[sessionTimes+keyIDLength:])}
	now := o.Now()
	if !signed || b[0] != sessionVersion || now.Before(s.LastUsed.Add(-maxClockSkew)) || !now.Before(s.LastUsed.Add(SessionIdle)) || !now.Before(s.Began.Add(SessionLifetime)) {
		return Session{}, errNoValidKey
	}
	return s, nil
}

// liveKey returns the live key with an id, if it is still that of an operator.
func (o *Operators) liveKey(ctx context.Context, id string) (Key, error) {
	live, err := o.Keys.Keys(ctx, KindInternal)
	if err != nil {
		return Key{}, errKeysUnavailable(err)
	}
	for i := len(live) - 1; i >= 0; i-- { // the last of two entries of one key counts, as in findKey
		if key := live[i]; key.ID() == id {
			if !key.allows(OperatorPolicy) {
				break
			}
			key.Kind = KindInternal
			return key, nil
		}
	}
	return Key{}, errNoValidKey
}

// signature signs the body of a cookie. The name in front keeps it apart from the signatures of links.
func (o *Operators) signature(word string, body []byte) []byte {
	m := hmac.New(sha256.New, []byte(word))
	_, _ = m.Write([]byte("operator session\x00" + o.Stage + "\x00")) // a hash accepts every write
	_, _ = m.Write(body)
	return m.Sum(nil)
}

func (o *Operators) signingKeys(ctx context.Context) ([]string, error) {
	return signingKeys(ctx, o.Secrets, o.SecretName, fault.New(fault.Internal, "Sessions are not set up.").WithCode("sessions_not_set_up"))
}

// hasValue reports whether one of the policy's headers has a value that is not empty.
func (p Policy) hasValue(h http.Header) bool {
	for _, header := range p.headers {
		for _, value := range headerValues(h, header.name) {
			if value != "" {
				return true
			}
		}
	}
	return false
}

// cookieValue returns the one value of a cookie. It is not ok if there is none, or if there are two different ones: one of them
// was set by another host.
func cookieValue(h http.Header, name string) (value string, ok bool) {
	r := http.Request{Header: http.Header{"Cookie": headerValues(h, "Cookie")}}
	for _, c := range r.CookiesNamed(name) {
		if ok && c.Value != value {
			return "", false
		}
		value, ok = c.Value, true
	}
	return value, ok && value != ""
}

// cookieName returns the name of the cookie for the host of a request. Browsers accept the prefix __Host- with Secure only
// (https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes), which some of them do not take
// from http://127.0.0.1. A request for a loopback host comes from the same machine: API Gateway routes by the host.
func cookieName(h http.Header) string {
	if isLoopback(h) {
		return sessionCookieNoTLS
	}
	return sessionCookie
}

func setCookie(h http.Header, value string, lifetime time.Duration) string {
	seconds := max(0, int64(lifetime/time.Second))
	cookie := cookieName(h) + "=" + value + sessionCookieFields + "; Max-Age=" + strconv.FormatInt(seconds, 10)
	if !isLoopback(h) {
		cookie += "; Secure"
	}
	return cookie
}

func isLoopback(h http.Header) bool {
	hosts := headerValues(h, "Host")
	if len(hosts) != 1 {
		return false
	}
	name, _, err := net.SplitHostPort(hosts[0])
	if err != nil {
		name = hosts[0]
	}
	address, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return strings.EqualFold(name, "localhost") || err == nil && address.IsLoopback()
}
