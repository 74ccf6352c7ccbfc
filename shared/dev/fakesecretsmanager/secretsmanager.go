package fakesecretsmanager

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"example.com/aurora/shared/dev/fakeaws"
)

// Options configure the file and the ARNs of a server.
type Options struct {
	Path    string           // the bbolt file
	Region  string           // us-east-1 if empty
	Account string           // 000000000000 if empty
	Now     func() time.Time // time.Now if nil
}

// Server is the Secrets Manager API of one account.
type Server struct {
	options Options
	db      *bolt.DB
	http    fakeaws.Service
	mu      sync.Mutex
}

type version struct {
	ID      string    `json:"id"`
	Labels  []string  `json:"labels"`
	String  *string   `json:"string,omitempty"`
	Binary  []byte    `json:"binary,omitempty"`
	Created time.Time `json:"created"`
}

type secret struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
	Changed     time.Time `json:"changed"`
	Versions    []version `json:"versions,omitempty"` // the newest first
}

var bucket = []byte("secrets")

// Open opens the secrets in a file and creates it if necessary.
func Open(o Options) (*Server, error) {
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	db, err := bolt.Open(o.Path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("opening the secrets: %w", err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("opening the secrets: %w", err)
	}
	s := &Server{options: o, db: db}
	s.http = fakeaws.Service{Target: "secretsmanager", Version: "1.1", Namespace: "com.amazonaws.secretsmanager", NewID: newID,
		Operations: map[string]fakeaws.Operation{
			"CreateSecret":   fakeaws.Typed(s.create),
			"PutSecretValue": fakeaws.Typed(s.put),
			"GetSecretValue": fakeaws.Typed(s.getValue),
			"DescribeSecret": fakeaws.Typed(s.describeSecret),
			"ListSecrets":    fakeaws.Typed(s.list),

			"UpdateSecretVersionStage": fakeaws.Typed(s.moveLabel),
		}}
	return s, nil
}

// ServeHTTP answers one request of the Secrets Manager protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.ServeHTTP(w, r) }

// Close closes the file.
func (s *Server) Close() error { return s.db.Close() }

// arn returns the ARN of a secret. As in AWS it ends in six characters that do not follow from the name.
func (s *Server) arn(name string) string {
	digest := sha256.Sum256([]byte("suffix of " + name))
	return fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s-%s", s.options.Region, s.options.Account, name, hex.EncodeToString(digest[:3]))
}

// find reads a secret by its name, its ARN, or its ARN without the last six characters.
func (s *Server) find(id string) (*secret, error) {
	var found *secret
	err := s.db.View(func(tx *bolt.Tx) error {
		name := id
		if at := strings.Index(id, ":secret:"); at >= 0 {
			name = id[at+len(":secret:"):]
		}
		value := tx.Bucket(bucket).Get([]byte(name))
		if value == nil && len(name) > 7 && s.arn(name[:len(name)-7]) == id {
			value = tx.Bucket(bucket).Get([]byte(name[:len(name)-7]))
		}
		if value == nil {
			return fakeaws.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		}
		found = &secret{}
		if err := json.Unmarshal(value, found); err != nil {
			return err
		}
		found.addMissingLabels()
		return nil
	})
	return found, err
}

func (s *Server) save(kept *secret) error {
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put([]byte(kept.Name), value) })
}

type request struct {
	SecretId, Name, Description, ClientRequestToken string
	SecretString                                    *string
	SecretBinary                                    []byte
	VersionId, VersionStage                         string
	VersionStages                                   []string
	MoveToVersionId, RemoveFromVersionId            string
}

func (s *Server) create(_ context.Context, in request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Name == "" || len(in.Name) > 512 {
		return nil, fakeaws.Errorf("InvalidParameterException", "You must provide a secret name of at most 512 characters.")
	}
	if _, err := s.find(in.Name); err == nil {
		return nil, fakeaws.Errorf("ResourceExistsException", "The operation failed because the secret %s already exists.", in.Name)
	}
	now := s.options.Now()
	made := &secret{Name: in.Name, Description: in.Description, Created: now, Changed: now}
	made.addVersion(in, now)
	if err := s.save(made); err != nil {
		return nil, err
	}
	out := map[string]any{"ARN": s.arn(made.Name), "Name": made.Name}
	if len(made.Versions) > 0 {
		out["VersionId"] = made.Versions[0].ID
	}
	return out, nil
}

// maxVersions is how many versions of a secret are kept, also those without a label.
const maxVersions = 10

const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// addMissingLabels adds the labels of a file that was written before versions had them: the current one first, then the previous.
func (k *secret) addMissingLabels() {
	for i, label := range []string{current, previous} {
		if i < len(k.Versions) && k.Versions[i].Labels == nil {
			k.Versions[i].Labels = []string{label}
		}
	}
}

// addVersion adds the request's value, if there is one, with its labels: by default, and for the first version, the current
// one's. A known ClientRequestToken changes nothing.
func (k *secret) addVersion(in request, now time.Time) {
	if in.SecretString == nil && in.SecretBinary == nil {
		return
	}
	id := in.ClientRequestToken
	if id == "" {
		id = newID()
	}
	for _, v := range k.Versions {
		if v.ID == id {
			return
		}
	}
	labels := in.VersionStages
	if len(labels) == 0 || len(k.Versions) == 0 && !slices.Contains(labels, current) {
		labels = append(labels[:len(labels):len(labels)], current)
	}
	k.Versions = append([]version{{ID: id, Labels: []string{}, String: in.SecretString, Binary: in.SecretBinary, Created: now}}, k.Versions...)
	for _, label := range labels {
		k.move(label, id)
	}
	for i := len(k.Versions) - 1; i > 0 && len(k.Versions) > maxVersions; i-- {
		if len(k.Versions[i].Labels) == 0 {
			k.Versions = slices.Delete(k.Versions, i, i+1)
		}
	}
	k.Changed = now
}

// move moves a label to a version. The version that was the current one becomes the previous one.
func (k *secret) move(label, id string) {
	from := k.holder(label)
	for i := range k.Versions {
		v := &k.Versions[i]
		v.Labels = slices.DeleteFunc(v.Labels, func(l string) bool { return l == label })
		if v.ID == id {
			v.Labels = append(v.Labels, label)
		}
	}
	if label == current && from != "" && from != id {
		k.move(previous, from)
	}
}

// holder returns the id of the version that has a label, or nothing.
func (k *secret) holder(label string) string {
	for _, v := range k.Versions {
		if slices.Contains(v.Labels, label) {
			return v.ID
		}
	}
	return ""
}

// moveLabel moves a label. As in AWS, the request must name the version that has it.
func (s *Server) moveLabel(_ context.Context, in request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	if holder := found.holder(in.VersionStage); holder != in.RemoveFromVersionId {
		return nil, fakeaws.Errorf("InvalidParameterException", "The parameter RemoveFromVersionId can't be %q. Staging label %s is currently attached to version %s, "+
			"so you must explicitly reference that version in RemoveFromVersionId.", in.RemoveFromVersionId, in.VersionStage, holder)
	}
	if !slices.ContainsFunc(found.Versions, func(v version) bool { return v.ID == in.MoveToVersionId }) {
		return nil, fakeaws.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret version: %s", in.MoveToVersionId)
	}
	found.move(in.VersionStage, in.MoveToVersionId)
	found.Changed = s.options.Now()
	if err := s.save(found); err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.arn(found.Name), "Name": found.Name}, nil
}

func (s *Server) put(_ context.Context, in request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	if in.SecretString == nil && in.SecretBinary == nil {
		return nil, fakeaws.Errorf("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	}
	found.addVersion(in, s.options.Now())
	if err := s.save(found); err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.arn(found.Name), "Name": found.Name, "VersionId": found.Versions[0].ID, "VersionStages": found.Versions[0].Labels}, nil
}

func (s *Server) getValue(_ context.Context, in request) (any, error) {
	found, err := s.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	stage := in.VersionStage
	if stage == "" && in.VersionId == "" {
		stage = current
	}
	for _, v := range found.Versions {
		if in.VersionId != "" && v.ID != in.VersionId || stage != "" && !slices.Contains(v.Labels, stage) {
			continue
		}
		out := map[string]any{"ARN": s.arn(found.Name), "Name": found.Name, "VersionId": v.ID, "VersionStages": v.Labels,
			"CreatedDate": epochSeconds(v.Created)}
		if v.String != nil {
			out["SecretString"] = *v.String
		}
		if v.Binary != nil {
			out["SecretBinary"] = v.Binary
		}
		return out, nil
	}
	return nil, fakeaws.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
}

func (s *Server) describeSecret(_ context.Context, in request) (any, error) {
	found, err := s.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	return s.describe(found), nil
}

func (s *Server) describe(k *secret) map[string]any {
	labels := map[string][]string{}
	for _, v := range k.Versions {
		if len(v.Labels) > 0 {
			labels[v.ID] = v.Labels
		}
	}
	return map[string]any{"ARN": s.arn(k.Name), "Name": k.Name, "Description": k.Description, "CreatedDate": epochSeconds(k.Created),
		"LastChangedDate": epochSeconds(k.Changed), "VersionIdsToStages": labels}
}

func (s *Server) list(_ context.Context, _ struct{}) (any, error) {
	all := []map[string]any{}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(_, value []byte) error {
			var k secret
			if err := json.Unmarshal(value, &k); err != nil {
				return err
			}
			k.addMissingLabels()
			entry := s.describe(&k)
			entry["SecretVersionsToStages"] = entry["VersionIdsToStages"]
			delete(entry, "VersionIdsToStages")
			all = append(all, entry)
			return nil
		})
	})
	return map[string]any{"SecretList": all}, err
}

func epochSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
