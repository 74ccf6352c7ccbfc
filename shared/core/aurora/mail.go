package aurora

// Mail is a message to be sent.
type Mail struct {
	From    string // an address; empty is the deployment's
	To      []string
	Subject string
	Text    string
	HTML    string // beside the text; may be empty
}
