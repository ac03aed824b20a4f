// Package document says in AsyncAPI 3.0.0 what a service is: which messages it receives
// and sends, where, and what is in them.
package document
