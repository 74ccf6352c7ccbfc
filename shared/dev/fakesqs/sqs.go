package fakesqs

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"sort"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"example.com/aurora/shared/dev/fakeaws"
)

// MaxMessage is the limit for a message's body and attributes together, in bytes.
const MaxMessage = 1 << 20

// Options configure a Server.
type Options struct {
	Path    string           // the bbolt file
	Region  string           // us-east-1 if empty
	Account string           // 000000000000 if empty
	Now     func() time.Time // time.Now if nil
}

// Server is the fake. It holds the queues of one account. Its methods may be called concurrently.
type Server struct {
	region, account string
	now             func() time.Time
	db              *bolt.DB
	http            fakeaws.Service

	mu     sync.Mutex
	queues map[string]*queue
	moves  []moveTask
	closed chan struct{}
	once   sync.Once
}

// Open opens or creates the queues in a file.
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
	db, err := bolt.Open(o.Path, 0o600, &bolt.Options{Timeout: time.Second, NoSync: true, NoFreelistSync: true})
	if err != nil {
		return nil, fmt.Errorf("open the queues: %w", err)
	}
	s := &Server{region: o.Region, account: o.Account, now: o.Now, db: db, queues: map[string]*queue{}, closed: make(chan struct{})}
	s.http = fakeaws.Service{Target: "AmazonSQS", Version: "1.0", Namespace: "com.amazonaws.sqs", NewID: newID, Operations: s.operations()}
	if err := s.load(); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("load the queues: %w", err)
	}
	return s, nil
}

// ServeHTTP answers one request of the SQS protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.ServeHTTP(w, r) }

// Close ends every waiting receive and closes the file. Later requests fail.
func (s *Server) Close() error {
	s.once.Do(func() { close(s.closed) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.db.Sync(); err != nil {
		return fmt.Errorf("store the queues: %w", err)
	}
	return s.db.Close()
}

func (s *Server) arn(name string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", s.region, s.account, name)
}

func queueNameOf(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// queueNamed returns the queue with this name. The caller holds the lock.
func (s *Server) queueNamed(name string) (*queue, error) {
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	fault := fakeaws.Errorf("QueueDoesNotExist", "The specified queue does not exist.")
	fault.QueryCode = "AWS.SimpleQueueService.NonExistentQueue"
	return nil, fault
}

// queueAt returns the queue with this URL. Only the last path element counts, because the port changes from run to run.
func (s *Server) queueAt(address string) (*queue, error) {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return s.queueNamed("")
	}
	return s.queueNamed(path.Base(u.Path))
}

func (s *Server) queueNames(prefix string) []string {
	var names []string
	for name := range s.queues {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

var (
	queuesBucket  = []byte("queues")
	messagePrefix = "messages/"
)

func (s *Server) load() error {
	return s.db.Update(func(tx *bolt.Tx) error {
		queues, err := tx.CreateBucketIfNotExists(queuesBucket)
		if err != nil {
			return err
		}
		return queues.ForEach(func(name, value []byte) error {
			q := newQueue(string(name))
			if err := json.Unmarshal(value, &q.attributes); err != nil {
				return fmt.Errorf("queue %s: %w", name, err)
			}
			s.queues[q.name] = q
			messages, err := tx.CreateBucketIfNotExists([]byte(messagePrefix + q.name))
			if err != nil {
				return err
			}
			return messages.ForEach(func(_, value []byte) error {
				m := &message{}
				if err := json.Unmarshal(value, m); err != nil {
					return fmt.Errorf("message of %s: %w", name, err)
				}
				if m.Receives > 0 {
					m.Visible = s.now() // its receiver ended with the last process
				}
				q.add(m)
				q.remember(m)
				return nil
			})
		})
	})
}

// save writes changed messages; a nil message is deleted.
func (s *Server) save(changes ...storeChange) error {
	if len(changes) == 0 {
		return nil
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, c := range changes {
			bucket, err := tx.CreateBucketIfNotExists([]byte(messagePrefix + c.queue.name))
			if err != nil {
				return err
			}
			if c.removed {
				if err := bucket.Delete(c.message.key()); err != nil {
					return err
				}
				continue
			}
			value, err := json.Marshal(c.message)
			if err != nil {
				return err
			}
			if err := bucket.Put(c.message.key(), value); err != nil {
				return err
			}
		}
		return nil
	})
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
