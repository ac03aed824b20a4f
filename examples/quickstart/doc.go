// Quickstart is the program of the README: it serves an endpoint and calls it.
package main
