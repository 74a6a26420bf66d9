using SeqRuntime.Fuzz.Running;

return Commands.Invoke(args);
