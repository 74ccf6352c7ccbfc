package eventcase

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// message is one message of an sqs event.
type message struct {
	Body       yaml.Node         `yaml:"body"`
	Objects    []string          `yaml:"objects"`
	EventName  string            `yaml:"eventName"`
	Attributes map[string]string `yaml:"attributes"`
	Group      string            `yaml:"group"`    // of a FIFO queue
	Receives   int               `yaml:"receives"` // how often SQS has delivered it; 0 stands for once
}

// sqs returns the event of a queue.
func (c *Case) sqs() (json.RawMessage, error) {
	type attribute struct {
		Value string   `json:"stringValue"`
		Texts []string `json:"stringListValues"`
		Bytes []string `json:"binaryListValues"`
		Type  string   `json:"dataType"`
	}
	type record struct {
		ID         string               `json:"messageId"`
		Receipt    string               `json:"receiptHandle"`
		Body       string               `json:"body"`
		System     map[string]string    `json:"attributes"`
		Attributes map[string]attribute `json:"messageAttributes"`
		MD5        string               `json:"md5OfBody"`
		Source     string               `json:"eventSource"`
		SourceARN  string               `json:"eventSourceARN"`
		Region     string               `json:"awsRegion"`
	}
	records := []record{}
	for i, m := range c.Messages {
		body, err := m.text()
		if err != nil {
			return nil, err
		}
		sum := md5.Sum([]byte(body))
		r := record{ID: fmt.Sprintf("%08d-aaaa-4bbb-8ccc-%012d", i+1, i+1), Receipt: "AQEBexample", Body: body, MD5: hex.EncodeToString(sum[:]),
			System: map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1795014301000", "SenderId": "AIDAEXAMPLE",
				"ApproximateFirstReceiveTimestamp": "1795014301005"},
			Attributes: map[string]attribute{}, Source: "aws:sqs", SourceARN: "arn:aws:sqs:" + region + ":" + account + ":aurora-prod-" + c.function, Region: region}
		if m.Group != "" {
			r.System["MessageGroupId"] = m.Group
		}
		if m.Receives != 0 {
			r.System["ApproximateReceiveCount"] = strconv.Itoa(m.Receives)
		}
		for name, value := range m.Attributes {
			r.Attributes[name] = attribute{value, []string{}, []string{}, "String"}
		}
		records = append(records, r)
	}
	return indent(map[string]any{"Records": records})
}

// text returns a message's body: what the case says, or S3's notification of new objects.
func (m message) text() (string, error) {
	if len(m.Objects) > 0 {
		return m.notification()
	}
	n := resolve(&m.Body)
	if n.ShortTag() == "!!map" || n.ShortTag() == "!!seq" {
		body, err := JSON(n)
		return string(body), err
	}
	return Text(n)
}

// notification returns what S3 sends when objects are created, or what else eventName says.
func (m message) notification() (string, error) {
	type object struct {
		Key       string `json:"key"`
		Size      int    `json:"size"`
		ETag      string `json:"eTag"`
		Sequencer string `json:"sequencer"`
	}
	type bucket struct {
		Name  string            `json:"name"`
		Owner map[string]string `json:"ownerIdentity"`
		ARN   string            `json:"arn"`
	}
	type s3 struct {
		Version       string `json:"s3SchemaVersion"`
		Configuration string `json:"configurationId"`
		Bucket        bucket `json:"bucket"`
		Object        object `json:"object"`
	}
	type record struct {
		Version  string            `json:"eventVersion"`
		Source   string            `json:"eventSource"`
		Region   string            `json:"awsRegion"`
		Time     string            `json:"eventTime"`
		Name     string            `json:"eventName"`
		User     map[string]string `json:"userIdentity"`
		Request  map[string]string `json:"requestParameters"`
		Response map[string]string `json:"responseElements"`
		S3       s3                `json:"s3"`
	}
	var records []record
	for _, key := range m.Objects {
		records = append(records, record{Version: "2.1", Source: "aws:s3", Region: region, Time: "2026-11-18T15:05:01.000Z",
			Name: cmp.Or(m.EventName, "ObjectCreated:Put"), User: map[string]string{"principalId": "AWS:AROAEXAMPLE"},
			Request:  map[string]string{"sourceIPAddress": sourceIP},
			Response: map[string]string{"x-amz-request-id": "EXAMPLE123456789", "x-amz-id-2": "EXAMPLE"},
			S3: s3{"1.0", "reports", bucket{"aurora-prod", map[string]string{"principalId": "EXAMPLE"}, "arn:aws:s3:::aurora-prod"},
				object{strings.ReplaceAll(url.QueryEscape(key), "%2F", "/"), 1024, "d41d8cd98f00b204e9800998ecf8427e", "0055AED6DCD90281E5"}}})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(map[string]any{"Records": records})
	return strings.TrimSpace(b.String()), err
}
