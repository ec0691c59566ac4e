// Package config reads bellows.yaml, the configuration of a server, and says in the file's own terms, with the line and the setting's name,
// what is wrong with it.
//
//	c, err := config.Read("bellows.yaml")       // "" for the defaults
//	now, changed, waiting := c.TakeOver(next)   // what a running server takes over of a file that was read again
//
// A Config also answers the questions that depend on it: which command runs an image, which URL a topic's messages go to.
package config
