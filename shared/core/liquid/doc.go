// Package liquid reads and renders prompt templates in the Liquid language.
//
// # Decisions
//
// The language is Shopify's (https://shopify.github.io/liquid/), as its Ruby implementation evaluates it. Where a value has the
// wrong type, the result is empty or 0 and not an error: a person is on the line. What differs on purpose is listed in
// shared/docs/assistants.md.
//
// A template is a caller's text (assistant_config), so rendering has a budget of steps and bytes and ends with the caller's
// context. It cannot read files, other templates or the environment.
//
// Parse always returns a template. What cannot be read is left out of it and reported, so that a call goes on with the rest.
// The same report rejects the template before an assistant is stored.
//
// This is our own code because no Go library has what a prompt needs. github.com/osteele/liquid, used before, says in its
// README that it has no limits on time, memory and iterations; it evaluates "and" and "or" from left to right, does not know
// empty and blank, and hides the filters and variables of a parsed template. A library with Shopify's resource limits and a
// syntax tree that can be walked would replace this package.
//
// github.com/osteele/tuesday formats times as Ruby's strftime does.
package liquid
