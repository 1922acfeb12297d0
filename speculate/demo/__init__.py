"""A real agent loop on this machine: real tools, a scripted policy in the model's place, speculation off and on."""
