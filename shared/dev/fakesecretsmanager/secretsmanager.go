package fakesecretsmanager

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
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
	String  *string   `json:"string,omitempty"`
	Binary  []byte    `json:"binary,omitempty"`
	Created time.Time `json:"created"`
}

type secret struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
	Changed     time.Time `json:"changed"`
	Versions    []version `json:"versions,omitempty"` // current first, then previous
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
		return json.Unmarshal(value, found)
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

// addVersion makes the request's value the current one, if there is one. A known ClientRequestToken changes nothing.
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
	k.Versions = append([]version{{ID: id, String: in.SecretString, Binary: in.SecretBinary, Created: now}}, k.Versions...)
	k.Versions = k.Versions[:min(len(k.Versions), len(stages))]
	k.Changed = now
}

var stages = []string{"AWSCURRENT", "AWSPREVIOUS"}

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
	return map[string]any{"ARN": s.arn(found.Name), "Name": found.Name, "VersionId": found.Versions[0].ID, "VersionStages": stages[:1]}, nil
}

func (s *Server) getValue(_ context.Context, in request) (any, error) {
	found, err := s.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	stage := in.VersionStage
	if stage == "" && in.VersionId == "" {
		stage = stages[0]
	}
	for i, v := range found.Versions {
		if in.VersionId != "" && v.ID != in.VersionId || stage != "" && stages[i] != stage {
			continue
		}
		out := map[string]any{"ARN": s.arn(found.Name), "Name": found.Name, "VersionId": v.ID, "VersionStages": stages[i : i+1],
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
	for i, v := range k.Versions {
		labels[v.ID] = stages[i : i+1]
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
