package aurora

// Mail is an e-mail to be sent.
type Mail struct {
	From    string // an address; empty means the deployment's
	To      []string
	Subject string
	Text    string
	HTML    string // an alternative to Text; may be empty
}
