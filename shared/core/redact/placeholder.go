package redact

// What stands in a stored text for personal data. Removed stands for what a field says to be personal, too.
const (
	CardNumber  = "[card number]"
	NationalID  = "[national id]"
	BankAccount = "[bank account]"
	MailAddress = "[e-mail]"
	PhoneNumber = "[phone number]"
)

// IsPlaceholder reports whether a text is nothing but what stands for something that was removed.
func IsPlaceholder(s string) bool {
	switch s {
	case Removed, CardNumber, NationalID, BankAccount, MailAddress, PhoneNumber:
		return true
	}
	return false
}
