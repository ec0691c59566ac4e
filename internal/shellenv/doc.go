// Package shellenv makes the text that points the AWS clients of a shell at a server, as variables of its environment:
//
//	text, err := shellenv.Text(ctx, shellenv.Options{…})   // waits for the server
//	eval "$text"                                           // in the shell; of shellenv.Failure() where err != nil
package shellenv
