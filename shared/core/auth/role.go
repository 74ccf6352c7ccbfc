package auth

import (
	"slices"

	"example.com/aurora/shared/core/fault"
)

// Role is the role of an operator: what the entry of an internal key says that its holder may do in the operators' API. A key
// whose entry has no role opens nothing there.
type Role string

// The roles.
const (
	RoleViewer Role = "viewer"
	RoleEditor Role = "editor"
	RoleAdmin  Role = "admin"
)

// Right is one right of an operator. Each route of the operators' API requires one.
type Right string

// The rights.
const (
	// RightView is to read assistants, their versions, usage, reports, health, and calls with masked numbers.
	RightView Right = "view"
	// RightReveal is to read what a call's people said, and whole numbers: transcripts, recordings, raw reports.
	RightReveal Right = "reveal"
	// RightEdit is to write drafts, to validate, to try, to publish and to roll back.
	RightEdit Right = "edit"
	// RightAdminister is to list keys, to take numbers from the do-not-call list, to delete, and to erase a person's data.
	RightAdminister Right = "administer"
)

// rightsByRole is the table of rights. shared/docs/operators.md has the same.
var rightsByRole = map[Role][]Right{
	RoleViewer: {RightView},
	RoleEditor: {RightView, RightReveal, RightEdit},
	RoleAdmin:  {RightView, RightReveal, RightEdit, RightAdminister},
}

// Roles are all roles, the narrowest first.
var Roles = []Role{RoleViewer, RoleEditor, RoleAdmin}

// IsValid reports whether there is such a role.
func (r Role) IsValid() bool { return slices.Contains(Roles, r) }

// Rights returns what the role allows.
func (r Role) Rights() []Right { return slices.Clone(rightsByRole[r]) }

// CheckRight returns fault.Forbidden if the principal's role does not have a right.
func (p Principal) CheckRight(right Right) error {
	if slices.Contains(rightsByRole[p.Role], right) {
		return nil
	}
	for _, role := range Roles {
		if slices.Contains(rightsByRole[role], right) {
			return fault.Newf(fault.Forbidden, "Your role, %s, does not allow this. The role %s does.", p.Role, role).WithCode("role_not_allowed")
		}
	}
	return fault.New(fault.Forbidden, "No role allows this.").WithCode("role_not_allowed")
}

// roleRule says which roles a policy accepts. The zero value accepts all roles, and keys without one.
type roleRule int

const (
	// noViewer rejects the keys of viewers. A viewer reads; the routes of internal keys place calls and send mails.
	noViewer roleRule = iota + 1
	anyRole           // rejects keys without a role
)

func (rule roleRule) allows(r Role) bool {
	switch rule {
	case noViewer:
		return r != RoleViewer
	case anyRole:
		return r.IsValid()
	}
	return true
}
