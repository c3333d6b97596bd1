/* getpid(2) by INT 0x80, with names for the places before and after it. */
#define GETPID_I386 20

int main(void)
{
	int result = GETPID_I386;

	/* ANCHOR: call */
	asm volatile("at_int80: int $0x80\n"
		     "after_int80:"
		: "+a"(result)
		:
		: "memory");
	/* ANCHOR_END: call */
	return result <= 0;
}
