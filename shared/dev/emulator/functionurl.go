package emulator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// functionURL serves one function's URL.
type functionURL struct {
	function *function
	domain   string
}

// ServeHTTP sends a request to the function as an event of payload format 2.0, and writes the function's response.
func (u *functionURL) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, trace := newID(), newTrace()
	w.Header().Set("X-Amzn-Requestid", id)
	w.Header().Set("X-Amzn-Trace-Id", strings.Split(trace, ";")[0])
	if u.preflight(w, r) {
		return
	}
	body, err := readBody(r, maxPayload)
	switch {
	case errors.Is(err, errTooLarge):
		urlError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", errTooLarge.Error())
		return
	case err != nil:
		urlError(w, http.StatusBadRequest, "BadRequestException", "Bad Request")
		return
	}
	event, err := json.Marshal(u.event(r, body, id, trace))
	if err != nil {
		urlError(w, http.StatusInternalServerError, "InternalServerErrorException", "Internal Server Error")
		return
	}
	answer, err := u.function.invoke(context.WithoutCancel(r.Context()), id, trace, event)
	switch {
	case errors.Is(err, errThrottled):
		w.Header().Set("Retry-After", "1")
		urlError(w, http.StatusTooManyRequests, "TooManyRequestsException", errThrottled.Error())
	case errors.Is(err, errTooLarge):
		urlError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", errTooLarge.Error())
	case err != nil:
		urlError(w, http.StatusServiceUnavailable, "ServiceException", "Service Unavailable")
	case answer.failure != nil:
		urlError(w, http.StatusBadGateway, "InternalServerErrorException", "Internal Server Error")
	default:
		u.writeReply(w, answer)
	}
}

func urlError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Message": message})
}

// urlEvent is an event of payload format 2.0, with the constant fields that aws-lambda-go leaves out.
type urlEvent struct {
	events.LambdaFunctionURLRequest
	RouteKey       string     `json:"routeKey"`
	RequestContext urlContext `json:"requestContext"`
}

type urlContext struct {
	events.LambdaFunctionURLRequestContext
	RouteKey string `json:"routeKey"`
	Stage    string `json:"stage"`
}

// event returns the event for a request.
func (u *functionURL) event(r *http.Request, body []byte, id, trace string) *urlEvent {
	now := time.Now().UTC()
	e := &urlEvent{RouteKey: "$default"}
	e.LambdaFunctionURLRequest = events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: map[string]string{},
	}
	e.RequestContext = urlContext{RouteKey: "$default", Stage: "$default",
		LambdaFunctionURLRequestContext: events.LambdaFunctionURLRequestContext{
			AccountID: "anonymous", RequestID: id, APIID: u.domain, DomainName: u.domain + ".lambda-url." + region + ".on.aws", DomainPrefix: u.domain,
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: events.LambdaFunctionURLRequestContextHTTPDescription{Method: r.Method, Path: r.URL.EscapedPath(), Protocol: r.Proto,
				SourceIP: sourceIP(r), UserAgent: r.UserAgent()},
		},
	}
	for name, values := range r.Header {
		switch name {
		case "Cookie":
			for _, v := range values {
				for _, c := range strings.Split(v, ";") {
					e.Cookies = append(e.Cookies, strings.TrimSpace(c))
				}
			}
		case "Connection":
		default:
			e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	if e.Cookies != nil {
		e.Headers["cookie"] = strings.Join(e.Cookies, "; ")
	}
	e.Headers["host"] = r.Host
	e.Headers["x-forwarded-for"] = sourceIP(r)
	e.Headers["x-forwarded-proto"] = "http"
	_, e.Headers["x-forwarded-port"], _ = strings.Cut(r.Host, ":")
	e.Headers["x-amzn-trace-id"] = strings.Split(trace, ";")[0]
	if query := r.URL.Query(); len(query) > 0 {
		e.QueryStringParameters = map[string]string{}
		for name, values := range query {
			e.QueryStringParameters[name] = strings.Join(values, ",")
		}
	}
	if len(body) > 0 {
		e.Body = string(body)
		if e.IsBase64Encoded = !isText(r); e.IsBase64Encoded {
			e.Body = base64.StdEncoding.EncodeToString(body)
		}
	}
	return e
}

// isText reports whether a body is sent to the function as text. All others are base64, also forms and bodies without a type.
func isText(r *http.Request) bool {
	if r.Header.Get("Content-Encoding") != "" {
		return false
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return false
	}
	switch kind {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "application/") && (strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml"))
}

// writeReply writes the function's response.
func (u *functionURL) writeReply(w http.ResponseWriter, answer *reply) {
	switch {
	case answer.stream != nil && u.function.url.streams:
		u.writeStream(w, answer.stream)
	case answer.stream != nil:
		// A buffered URL reads the stream's bytes, prelude included, which are not a valid response.
		_ = answer.stream.body.Close()
		urlError(w, http.StatusBadGateway, "InternalServerErrorException", "Internal Server Error")
	case u.function.url.streams:
		// A payload without statusCode is the body itself.
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(answer.payload)
	default:
		u.writeBuffered(w, answer.payload)
	}
}

func (u *functionURL) writeBuffered(w http.ResponseWriter, payload []byte) {
	var probe map[string]json.RawMessage
	_ = json.Unmarshal(payload, &probe) // a payload that is not an object is the body
	if _, structured := probe["statusCode"]; !structured {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(payload)
		return
	}
	p, err := readProxyAnswer(payload)
	if err != nil {
		urlError(w, http.StatusBadGateway, "InternalServerErrorException", "Internal Server Error")
		return
	}
	body := []byte(p.Body)
	if p.IsBase64Encoded {
		if body, err = decodeBase64(p.Body); err != nil {
			urlError(w, http.StatusBadGateway, "InternalServerErrorException", "Internal Server Error")
			return
		}
	}
	p.MultiValueHeaders = nil // payload format 2.0 has none
	p.writeHeaders(w.Header())
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(p.StatusCode)
	_, _ = w.Write(body) // the client may be gone
}

func (u *functionURL) writeStream(w http.ResponseWriter, s *stream) {
	defer func() { _ = s.body.Close() }()
	p, err := readProxyAnswer(s.prelude)
	if err != nil {
		urlError(w, http.StatusBadGateway, "InternalServerErrorException", "Internal Server Error")
		return
	}
	p.MultiValueHeaders = nil
	p.writeHeaders(w.Header())
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	w.WriteHeader(p.StatusCode)
	copyFlushed(w, s.body)
}

// preflight adds the headers of the URL's CORS settings. It answers a preflight request itself, and then returns true.
func (u *functionURL) preflight(w http.ResponseWriter, r *http.Request) bool {
	cors, origin := u.function.url.cors, r.Header.Get("Origin")
	if cors == nil || origin == "" || !among(toStrings(cors["AllowOrigins"]), origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	if toBool(cors["AllowCredentials"]) {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if exposed := toStrings(cors["ExposeHeaders"]); len(exposed) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(exposed, ","))
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(toStrings(cors["AllowMethods"]), ","))
	h.Set("Access-Control-Allow-Headers", strings.Join(toStrings(cors["AllowHeaders"]), ","))
	if age := toString(cors["MaxAge"]); age != "" {
		h.Set("Access-Control-Max-Age", age)
	}
	w.WriteHeader(http.StatusOK)
	return true
}

func among(list []string, value string) bool {
	for _, l := range list {
		if l == "*" || strings.EqualFold(l, value) {
			return true
		}
	}
	return false
}
