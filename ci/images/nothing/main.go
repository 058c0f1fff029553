// Command nothing ends with exit code 0, whatever its name and arguments.
package main

func main() {}
