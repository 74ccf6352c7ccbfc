package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// Usage is what an event uses of AWS, in billing units.
type Usage map[string]float64

// The units of Usage. DynamoDB's capacity units are those that dynalite computes, with indexes.
const (
	useReads     = "dynamodb read units"
	useWrites    = "dynamodb write units"
	useDynamo    = "dynamodb requests"
	useRow       = "units written to the calls table" // without its index
	usePut       = "s3 put"
	useGet       = "s3 get"
	useSQS       = "sqs requests"
	useSecrets   = "secrets manager requests"
	useMail      = "ses mails"
	useModel     = "model requests"
	useTelephone = "telephone requests"
	useLogs      = "log bytes"
)

// meter is a proxy in front of the stores that counts requests.
type meter struct {
	mu        sync.Mutex
	used      Usage
	addresses map[string]string // the variable of the environment, and the meter's address
	stop      []func()
}

// newMeter returns a meter of the services at the given addresses, by environment variable.
func newMeter(services map[string]string) (*meter, error) {
	m := &meter{used: Usage{}, addresses: map[string]string{}}
	for variable, address := range services {
		to, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}}
		proxy.ModifyResponse = func(r *http.Response) error { return m.count(variable, r) }
		at, stop, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if variable == "AWS_ENDPOINT_URL_DYNAMODB" {
				requestCapacity(r)
			}
			proxy.ServeHTTP(w, r)
		}))
		if err != nil {
			return nil, err
		}
		m.addresses[variable] = at
		m.stop = append(m.stop, stop)
	}
	return m, nil
}

func (m *meter) close() {
	for _, stop := range m.stop {
		stop()
	}
}

// reset returns the counts and sets them to 0.
func (m *meter) reset() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	used := m.used
	m.used = Usage{}
	return used
}

func (m *meter) add(what string, n float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used[what] += n
}

// requestCapacity adds ReturnConsumedCapacity to a DynamoDB request. Signatures are not checked here.
func requestCapacity(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if at := bytes.IndexByte(body, '{'); err == nil && at >= 0 && !bytes.Contains(body, []byte(`"ReturnConsumedCapacity"`)) {
		rest := body[at+1:]
		comma := ","
		if len(bytes.TrimSpace(rest)) == 1 {
			comma = ""
		}
		body = append([]byte(`{"ReturnConsumedCapacity":"INDEXES"`+comma), rest...)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// count counts one answer.
func (m *meter) count(variable string, r *http.Response) error {
	switch variable {
	case "AWS_ENDPOINT_URL_S3":
		if r.Request.Method == http.MethodPut || r.Request.Method == http.MethodPost || r.Request.URL.Query().Has("list-type") { // a list costs as a PUT does
			m.add(usePut, 1)
		} else {
			m.add(useGet, 1)
		}
	case "AWS_ENDPOINT_URL_SQS":
		m.add(useSQS, 1)
	case "AWS_ENDPOINT_URL_SECRETS_MANAGER":
		m.add(useSecrets, 1)
	case "AWS_ENDPOINT_URL_SESV2":
		m.add(useMail, 1)
	case "AWS_ENDPOINT_URL_DYNAMODB":
		return m.countUnits(r)
	}
	return nil
}

func (m *meter) countUnits(r *http.Response) error {
	m.add(useDynamo, 1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	operation := r.Request.Header.Get("X-Amz-Target")
	unit := useReads
	for _, write := range []string{"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"} {
		if strings.HasSuffix(operation, "."+write) {
			unit = useWrites
		}
	}
	units, row := parseCapacity(body)
	if units == 0 && unit == useWrites { // a failed condition is billed too
		units = 1
	}
	m.add(unit, units)
	if unit == useWrites {
		m.add(useRow, row)
	}
	return nil
}

// parseCapacity returns the consumed capacity of a DynamoDB answer, and the part of the calls table itself.
func parseCapacity(answer []byte) (units, row float64) {
	type capacity struct {
		TableName     string
		CapacityUnits float64
		Table         struct{ CapacityUnits float64 }
	}
	var one struct{ ConsumedCapacity capacity }
	var many struct{ ConsumedCapacity []capacity }
	if json.Unmarshal(answer, &one) == nil {
		many.ConsumedCapacity = append(many.ConsumedCapacity, one.ConsumedCapacity)
	} else if json.Unmarshal(answer, &many) != nil {
		return 0, 0
	}
	for _, c := range many.ConsumedCapacity {
		units += c.CapacityUnits
		if strings.HasSuffix(c.TableName, "-calls") {
			row += c.Table.CapacityUnits
		}
	}
	return units, row
}
